"""SMS services of Tencent Cloud and Alibaba Cloud by their real protocols (digest 9)."""
