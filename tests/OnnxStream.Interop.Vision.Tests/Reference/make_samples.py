"""Writes samples.json: a small picture in other sizes and straightened, by OpenCV and Pillow. Needs python3-opencv and python3-pil.
The picture is made by a formula that the tests repeat. Run: python3 make_samples.py > samples.json
"""
import json

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 23, 17
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
picture = np.stack([(x * 11 + y * 3) % 256, (x * x + 7 * y) % 256, (255 - 9 * x + y * y) % 256], -1).astype(np.uint8)
corners = [[3.5, 2.0], [18.0, 4.5], [17.0, 13.0], [2.0, 11.5]]
matrix = cv2.getPerspectiveTransform(np.float32(corners), np.float32([[0, 0], [16, 0], [16, 9], [0, 9]]))
bilinear = {f"{w}x{h}": cv2.resize(picture.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR) for w, h in [(9, 5), (29, 20), (23, 17), (1, 1)]}
antialiased = {f"{w}x{h}": np.asarray(Image.fromarray(picture).resize((w, h), Image.BILINEAR)).astype(float) for w, h in [(9, 5), (29, 20), (5, 16), (1, 1)]}
straightened = cv2.warpPerspective(picture, matrix, (16, 9), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def rows(array):
    return [round(float(v), 2) for v in np.asarray(array).reshape(-1)]


print(json.dumps({
    "width": WIDTH, "height": HEIGHT, "corners": corners,
    "bilinear": {k: rows(v) for k, v in bilinear.items()},
    "antialiased": {k: rows(v) for k, v in antialiased.items()},
    "straightened": rows(straightened),
}))
