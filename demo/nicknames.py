"""Three hundred customers as they call themselves in WeChat, and any number more."""

from __future__ import annotations

import random
import unicodedata

HANDWRITTEN = """\
林小满 平安是福 静水流深 🌸小桃子🌸 大海 A修车老王 Lily陈 阿文 今天也要加油鸭 王建国
李秀英 。 慢慢来 Jason 豆豆妈 张大力 云淡风轻 吃货小分队队长 小鱼儿🐟 Mr.Zhang
老街坊赵叔 芒果布丁 ZJ 半糖去冰 隔壁老李 晚风 Vivian 刘洋 一只柯基的日常🐶 陈阿姨
随遇而安 小周周 大雄 朝花夕拾 Cathy 想去看海的人 周杰 奶茶不加冰 🍀幸运草 孙悟饭
海阔天空 小红薯 杨柳依依 Leo 深夜食堂不打烊 胡一刀 春天里 珍珍 月半小夜曲 何以解忧
吴大伟 糖炒栗子 Anna🎈 老白 北方有佳人 五月 郭靖不是黄蓉 阿珂 书生 叮当猫
三水 徐徐图之 Kevin Lee 莫失莫忘 蛋黄派 高山流水 大胃王阿强 浅浅 梁朝不伟 橙子🍊
加班到天亮的程序员小哥哥在线等一个周末
南方姑娘 许愿瓶 马到成功 Sunny☀️ 冯小刚刚好 可乐加冰 岁月静好 丫丫 铁柱
竹影 Mandy 罗密欧与猪过夜 小蜗牛🐌 好好学习 董先生 秋天的童话 阿福 江湖夜雨十年灯 Tina
萧何 糯米团子 老程 西西 花生 人间值得 柠檬不萌 袁野 七七四十九 Bob
彭彭丁满 十里春风 阿布 小太阳 蒋大为 暖暖 Grace 曾经沧海 鹿鸣 田园
向日葵🌻 小柒 傅红雪 努力减肥的胖虎 Amy林 沈默是金 一叶知秋 余生请多指教 阿奇 猫猫头
卢卡 时光机 范范 雨过天晴 Echo 汪星人饲养员🐾 石头 陆小凤 夏天的风 苹果核
姜太公 木子李 小恐龙🦕 Daniel 贾先生 天天向上 凉茶一杯 付之一笑 喵喵喵 钟馗
大鹏展翅 方圆 Iris 烟雨江南 小辣椒🌶️ 任我行 白日梦想家 邹忌 阿乐 蜜桃乌龙
熊猫不熬夜 金不换 Coco 阳光正好 老邱 知足常乐 戴帽子的鱼 秦时明月 Joy 多多
一蓑烟雨任平生 小岳 江南布衣 史努比 顾先生 甜甜圈🍩 侯哥 Wendy 龙井虾仁 阿May
孟小冬 面朝大海春暖花开 万事如意 段誉 雷雷 Hannah 钱多多 汤圆 尹先生 黎明前
易水寒 常乐 武大郎的炊饼摊 小乔流水 乔木 Nico 贺新郎 赖床协会会长 龚老师 文文
庞统 Fiona 樊梨花 兰兰 殷桃 施工中 陶陶 洪七公 翟先生 安安静静
颜值担当 倪好 严肃活泼 牛油果🥑 温故知新 芦苇 Ray 季节 俞伯牙 章鱼小丸子🐙
鲁智深 葛优瘫 韦小宝 昌平第一深情 苗苗 凤梨酥 花花世界 方糖 Olivia 俞果
柏拉图 上善若水 Peter潘 水煮鱼片 邻家小妹 窦窦 章回 苏打水 潘多拉 奚望
范二青年 彭湃 Zoe 郎里个郎 鲁班七号 韦一笑 昌哥 马卡龙 苗条的梦想 凤凰单丛
花开富贵 方便面 俞你同行 任性 柳叶刀 酸菜鱼 鲍鱼捞饭 史上最懒 唐僧洗头爱飘柔 费解
廉颇饭否 岑参 薛定谔的猫🐱 雷阵雨 贺岁片 倪裳 汤姆猫 滕王阁 殷切 罗汉果
"""

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜"
    "叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱江尹薛闫段雷侯龙史陶黎"
    "贺顾毛郝龚邵万钱严武戴莫孔向汤"
)
GIVEN = """\
伟 芳 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 霞 平 刚 桂英 子涵
雨桐 浩然 梓萱 欣怡 思远 佳宁 志强 晓燕 建华 丽华 海燕 文博 一鸣 若曦
嘉豪 可欣 俊杰 诗涵 春梅 国庆 玉兰 天宇 婉清 景行 知夏 书瑶 明哲 亦凡
乐瑶
"""
COLOURS = (
    *("#C2362B", "#2F7D6B", "#8F5B0E", "#7A2E4A", "#2B4C7E", "#4F6B2D"),
    *("#A0522D", "#5B4B8A", "#1F6F8B", "#99582A", "#3D6B57", "#8A3B52"),
)


def _written() -> list[str]:
    spaced = {"Kevin Lee"}
    text = HANDWRITTEN
    for name in spaced:
        text = text.replace(name, name.replace(" ", "_"))
    return [name.replace("_", " ") for name in text.split()]


_WRITTEN = list(dict.fromkeys(_written()))


def nickname(index: int) -> str:
    """What customer number ``index`` (from 0) is called; always the same."""
    if index < len(_WRITTEN):
        return _WRITTEN[index]
    chance = random.Random(f"name {index}")  # noqa: S311  an invented name
    return chance.choice(SURNAMES) + chance.choice(GIVEN.split())


def slug_of(name: str, index: int) -> str:
    """A host name for the person's phone; unique by its number."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  40 MB that most processes never need

    letters = "".join(
        sign for sign in "".join(lazy_pinyin(name)).lower() if sign.isascii() and sign.isalnum()
    )
    return f"{letters[:16] or 'wx'}-{index + 1}"


def colour_of(index: int) -> str:
    """The colour of the person's picture."""
    return COLOURS[index * 7 % len(COLOURS)]


def initial_of(name: str) -> str:
    """The sign on the person's picture: the first letter, as emoji do not scale well."""
    for sign in name:
        if unicodedata.category(sign)[0] in "LN":
            return sign.upper()
    return "☺"
