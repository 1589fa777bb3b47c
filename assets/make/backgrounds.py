#!/usr/bin/env python3
"""Renders the two background loops of assets/backgrounds/.

    apt-get install ffmpeg
    pip install numpy
    python3 assets/make/backgrounds.py            # both loops
    python3 assets/make/backgrounds.py currents --still 0 --out frame.png

Each frame is a function of an angle that completes one turn per loop, so the
last frame runs into the first. Soft light is computed at a small size and
enlarged by cubic interpolation. Lines are drawn at full size. A fixed noise
pattern dithers the rounding to eight bits: gradients show no bands, and the
encoder stores the pattern only once.
"""
import argparse
import subprocess
from pathlib import Path

import numpy as np

W, H, FPS = 1920, 1080, 24
SMALL_W, SMALL_H = 320, 180
HERE = Path(__file__).resolve().parent.parent / "backgrounds"
TAU = 2 * np.pi


def rgb(code):
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


NIGHT, NAVY, TEAL, LAGOON, GOLD, ROSE, MIST = map(
    rgb, ("#051222", "#0a2138", "#0d4252", "#1b6f7d", "#e6b366", "#d99a78", "#a9dbe0")
)


def enlarge(small, large):
    """Returns a matrix that enlarges by Catmull-Rom interpolation."""
    at = (np.arange(large) + 0.5) * small / large - 0.5
    left = np.floor(at).astype(int)
    u = at - left
    m = np.zeros((large, small), np.float32)
    weights = (
        (-u + 2 * u**2 - u**3) / 2,
        (2 - 5 * u**2 + 3 * u**3) / 2,
        (u + 4 * u**2 - 3 * u**3) / 2,
        (-(u**2) + u**3) / 2,
    )
    for k, weight in enumerate(weights):
        np.add.at(m, (np.arange(large), np.clip(left + k - 1, 0, small - 1)), weight)
    return m


ROWS, COLS = enlarge(SMALL_H, H), enlarge(SMALL_W, W).T.copy()
# Positions in the picture: x from 0 to 16/9, y from 0 (top) to 1.
SX, SY = np.meshgrid(
    (np.arange(SMALL_W, dtype=np.float32) + 0.5) / SMALL_W * 16 / 9,
    (np.arange(SMALL_H, dtype=np.float32) + 0.5) / SMALL_H,
)


def to_full(small):
    return np.stack([ROWS @ small[..., c] @ COLS for c in range(small.shape[-1])], -1)


def smooth(a, b, x):
    u = np.clip((x - a) / (b - a), 0, 1)
    return u * u * (3 - 2 * u)


def glow(x, y, cx, cy, rx, ry):
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)[..., None]


def mix(a, b, k):
    return a + (b - a) * k


def screen(base, colour, k):
    return base + (1 - base) * colour * k


class Currents:
    """Fine lines like folded silk, flowing across a deep sea of navy and teal."""

    seconds, crf = 18, 19.5
    count = 34

    def __init__(self):
        self.x = np.arange(W, dtype=np.float32) / H
        self.columns = np.arange(W)

    def frame(self, turn):
        s, c = float(np.sin(turn)), float(np.cos(turn))
        down = smooth(-0.15, 1.15, SY + 0.16 * (SX - 0.9) + 0.03 * s)[..., None]
        light = mix(NIGHT, NAVY, smooth(0, 0.6, down))
        light = mix(light, TEAL, 0.50 * smooth(0.35, 1.1, down))
        light = screen(light, LAGOON, 0.30 * glow(SX, SY, 1.22 + 0.16 * c, 0.60 + 0.07 * s, 0.62, 0.36))
        light = screen(light, TEAL, 0.42 * glow(SX, SY, 0.34 + 0.14 * s, 0.28 - 0.06 * c, 0.62, 0.42))
        light = screen(light, ROSE, 0.060 * glow(SX, SY, 1.50 - 0.12 * s, 0.93 + 0.04 * c, 0.55, 0.26))
        light = light * (1 - 0.32 * smooth(0.55, 1.15, np.hypot((SX - 8 / 9) * 0.95, SY - 0.5)))[..., None]
        full = to_full(light)

        line = np.zeros((H, W), np.float32)
        warm = np.zeros((H, W), np.float32)
        reach = 7
        for n in range(self.count):
            u = n / (self.count - 1)
            x = self.x
            y = (
                0.60
                + 0.150 * np.sin(2.05 * x + 0.7 + 0.55 * u + 0.35 * s)
                + 0.055 * np.sin(3.9 * x - 1.3 + 1.9 * u + turn)
                + (u - 0.5) * (0.085 + 0.20 * np.sin(1.55 * x + 0.5 + 0.45 * np.sin(turn + 1.1)))
            ) * H
            slope = np.gradient(y)
            # The folded sheet catches light where it turns toward the viewer.
            sheen = 0.35 + 0.65 * np.exp(-(((x - 1.05 - 0.30 * np.sin(turn + 2.2 * u)) / 0.42) ** 2))
            edge = smooth(0, 0.45, x) * smooth(16 / 9, 16 / 9 - 0.40, x)
            alpha = sheen * (0.25 + 0.75 * edge) * (0.45 + 0.55 * np.sin(np.pi * u))
            first = np.floor(y).astype(int) - reach
            for k in range(2 * reach + 1):
                row = first + k
                d = (row - y) / np.sqrt(1 + slope**2)
                v = alpha * np.exp(-((d / 1.35) ** 2))
                ok = (row >= 0) & (row < H)
                target = warm if n in (9, 10) else line
                target[row[ok], self.columns[ok]] += v[ok].astype(np.float32)
        full = screen(full, MIST, 0.155 * np.minimum(line, 1.25)[..., None])
        return screen(full, GOLD, 0.32 * np.minimum(warm, 1.2)[..., None])


class Horizon:
    """Dawn over a turning globe: meridians pass slowly below a warm horizon."""

    seconds, crf = 20, 20.5
    meridians = 24

    def __init__(self):
        radius, cx, cy, tilt = 1.42, 0.80, 2.02, np.radians(38)
        x, y = np.meshgrid(
            (np.arange(W, dtype=np.float32) + 0.5) / H, (np.arange(H, dtype=np.float32) + 0.5) / H
        )
        px, py = (x - cx) / radius, -(y - cy) / radius
        r = np.hypot(px, py)
        pz = np.sqrt(np.maximum(1 - r**2, 1e-6))
        up = py * np.cos(tilt) + pz * np.sin(tilt)
        out = -py * np.sin(tilt) + pz * np.cos(tilt)
        self.turns = (np.arctan2(px, out) / TAU * self.meridians).astype(np.float32)
        latitude = np.degrees(np.arcsin(np.clip(up, -1, 1))) / 10
        self.scale = self._width()
        body = smooth(1.0, 1 - 2.0 / (radius * H), r)
        depth = smooth(1.0, 0.955, r) * body.astype(np.float32)
        self.fade = (depth * smooth(0.04, 0.40, np.hypot(px, out)) * smooth(-0.2, 0.5, pz + 0.4)).astype(np.float32)
        gy, gx = np.gradient(latitude)
        near = np.abs(latitude - np.round(latitude)) / np.maximum(np.hypot(gx, gy), 1e-6)
        self.parallels = (np.exp(-((near / 1.15) ** 2)) * self.fade).astype(np.float32)
        self.body = body.astype(np.float32)[..., None]
        above = np.maximum(r - 1, 0) * radius
        below = np.maximum(1 - r, 0) * radius
        self.halo = (np.exp(-above / 0.085) * 0.62 + np.exp(-above / 0.30) * 0.38).astype(np.float32)
        self.inner = (np.exp(-below / 0.045)).astype(np.float32) * body.astype(np.float32)
        self.rim = np.exp(-(((r - 1) * radius * H / 1.7) ** 2)).astype(np.float32)
        self.ember = self.halo**1.7
        self.x = x[:1]

    def _width(self):
        """Returns the growth of `turns` from one pixel to the next."""
        a = self.turns
        gx = np.abs(np.diff(a, axis=1, append=a[:, -1:]))
        gy = np.abs(np.diff(a, axis=0, append=a[-1:]))
        gx, gy = (np.minimum(g, self.meridians - g) for g in (gx, gy))
        return np.maximum(np.hypot(gx, gy), 1e-5).astype(np.float32)

    def frame(self, turn):
        s, c = float(np.sin(turn)), float(np.cos(turn))
        sky = mix(NIGHT, NAVY, smooth(0.0, 0.85, SY)[..., None])
        sky = screen(sky, TEAL, 0.34 * glow(SX, SY, 1.25 + 0.12 * s, 0.46 + 0.03 * c, 0.80, 0.30))
        sky = screen(sky, TEAL, 0.20 * glow(SX, SY, 0.25 - 0.12 * c, 0.20 + 0.05 * s, 0.55, 0.40))
        sun = 1.14 + 0.13 * s
        land = mix(NIGHT * 0.92, NAVY * 0.96, glow(SX, SY, sun - 0.1, 0.66, 0.85, 0.30))
        land = screen(land, TEAL, 0.44 * glow(SX, SY, sun, 0.66, 0.60, 0.24))
        full = to_full(np.concatenate([sky, land], -1))
        sky, land = full[..., :3], full[..., 3:]

        dawn = np.exp(-(((self.x - sun) / 0.50) ** 2))
        wide = np.exp(-(((self.x - sun) / 0.95) ** 2))
        sky = screen(sky, LAGOON, (0.34 * self.halo * wide)[..., None])
        sky = screen(sky, GOLD, (0.36 * self.ember * dawn * (0.93 + 0.07 * c))[..., None])

        at = self.turns + turn / TAU
        near = np.abs(at - np.round(at)) / self.scale
        lines = np.exp(-((near / 1.15) ** 2)) * self.fade
        lit = 0.30 + 0.70 * wide
        land = screen(land, MIST, (0.17 * np.maximum(lines, 0.5 * self.parallels) * lit)[..., None])
        land = screen(land, LAGOON, (0.34 * self.inner * wide)[..., None])
        full = mix(sky, land, self.body)
        return screen(full, mix(MIST, GOLD, dawn[..., None]), (0.36 * self.rim * (0.12 + 0.88 * dawn))[..., None])


LOOPS = {"currents": Currents, "horizon": Horizon}


def pattern(height, width, seed):
    """Returns fixed noise between 0 and 1 with little energy at low frequencies."""
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    for _ in range(2):
        blur = sum(np.roll(noise, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9
        noise = noise - blur
        order = np.argsort(noise, axis=None)
        flat = np.empty(noise.size, np.float32)
        flat[order] = (np.arange(noise.size, dtype=np.float32) + 0.5) / noise.size
        noise = flat.reshape(noise.shape)
    return noise


def limit(y, knee=0.29, most=0.41):
    """Returns the factor that dims a pixel so that white text keeps a contrast of 4.5:1."""
    over = np.maximum(y - knee, 0)
    return np.where(over > 0, (knee + (most - knee) * (1 - np.exp(-over / (most - knee)))) / np.maximum(y, knee), 1)


class Quantiser:
    """Converts R'G'B' between 0 and 1 to eight-bit limited-range BT.709 4:2:0."""

    def __init__(self):
        self.y = pattern(H, W, 1)
        self.u = pattern(H // 2, W // 2, 2)
        self.v = pattern(H // 2, W // 2, 3)

    def __call__(self, frame):
        r, g, b = np.clip(frame[..., 0], 0, 1), np.clip(frame[..., 1], 0, 1), np.clip(frame[..., 2], 0, 1)
        y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        dim = limit(y)
        r, g, b, y = r * dim, g * dim, b * dim, y * dim
        half = lambda p: (p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4
        u, v = half((b - y) / 1.8556), half((r - y) / 1.5748)
        planes = ((16 + 219 * y, self.y), (128 + 224 * u, self.u), (128 + 224 * v, self.v))
        return b"".join(np.floor(p + d).astype(np.uint8).tobytes() for p, d in planes)


def ffmpeg(out, crf):
    return [
        "ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{W}x{H}",
        "-r", str(FPS), "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709",
        "-color_trc", "bt709", "-i", "-", "-an", "-c:v", "libx264", "-profile:v", "high", "-preset", "medium",
        "-crf", str(crf), "-threads", "2",
        "-x264-params", "aq-mode=3:aq-strength=0.9:deblock=-1,-1:keyint=96:bframes=3:open-gop=0",
        "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-fps_mode", "cfr", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact",
        "-movflags", "+faststart", str(out),
    ]  # fmt: skip


def main():
    args = argparse.ArgumentParser(description="Render the background loops.")
    args.add_argument("loops", nargs="*", help="currents or horizon (default: both)")
    args.add_argument("--crf", type=float, help="overrides the loop's own CRF")
    args.add_argument("--still", type=float, help="write only the frame at this many seconds, as a PNG")
    args.add_argument("--out", type=Path, help="the file for the still")
    args = args.parse_args()
    quantise = Quantiser()
    for name in args.loops or LOOPS:
        scene = LOOPS[name]()
        frames = scene.seconds * FPS
        if args.still is not None:
            raw = quantise(scene.frame(TAU * args.still / scene.seconds))
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{W}x{H}",
                 "-colorspace", "bt709", "-color_range", "tv", "-i", "-",
                 "-vf", "scale=in_color_matrix=bt709:in_range=tv", "-frames:v", "1", str(args.out)],
                input=raw, check=True,
            )  # fmt: skip
            continue
        HERE.mkdir(exist_ok=True)
        out = HERE / f"{name}.mp4"
        part = out.with_suffix(".part.mp4")
        encoder = subprocess.Popen(ffmpeg(part, args.crf or scene.crf), stdin=subprocess.PIPE)
        for n in range(frames):
            encoder.stdin.write(quantise(scene.frame(TAU * n / frames)))
        encoder.stdin.close()
        if encoder.wait():
            raise SystemExit("ffmpeg failed")
        part.replace(out)
        print(out.name, out.stat().st_size, "bytes,", frames, "frames")


if __name__ == "__main__":
    main()
