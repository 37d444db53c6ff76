// Reading codes from pictures, from the computer's camera, and from what its screen shows.

import { h } from "../dom.js";

const EVERY_MS = 200;
const WIDEST = 800;
const LARGEST = 2000;

const WHY = {
  NotAllowedError: "没有得到摄像头的许可。请在浏览器里允许，或者改用图片。",
  NotFoundError: "这台电脑没有摄像头。请改用图片，或直接粘贴二维码里的文字。",
  NotReadableError: "摄像头正被别的程序占用。",
};

/** The text of the code in a picture or a frame of a video; empty when there is none. */
export function readPicture(source, width, height, largest = LARGEST) {
  const scale = Math.min(1, largest / Math.max(width, height));
  const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  return globalThis.jsQR(pixels.data, pixels.width, pixels.height)?.data ?? "";
}

/** One look at a window or a tab the person chooses: any code on the screen can be scanned. */
export async function readScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false });
  const video = h("video", { playsinline: true });
  video.muted = true;
  video.srcObject = stream;
  try {
    await video.play();
    return readPicture(video, video.videoWidth, video.videoHeight);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

/** Why the camera cannot be used here; empty when it can be tried. */
export function cameraProblem() {
  if (navigator.mediaDevices?.getUserMedia) return "";
  return "浏览器在这个网址下不让网页用摄像头。请改用图片，或直接粘贴二维码里的文字。";
}

/** Show the camera in `box` and read codes until one is found; returns how to stop. */
export async function watchCamera(box, found, failed) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    failed(WHY[error.name] ?? `摄像头打不开：${error.message}`);
    return () => {};
  }
  const video = h("video", { autoplay: true, playsinline: true, "aria-label": "摄像头画面" });
  video.muted = true;
  video.srcObject = stream;
  box.replaceChildren(video);
  const timer = setInterval(() => {
    if (!video.videoWidth) return;
    const text = readPicture(video, video.videoWidth, video.videoHeight, WIDEST);
    if (!text) return;
    stop();
    found(text);
  }, EVERY_MS);
  const stop = () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    box.replaceChildren();
  };
  return stop;
}
