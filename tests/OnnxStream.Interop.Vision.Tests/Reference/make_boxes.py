"""Writes boxes.json: lines of text that OpenCV, Shapely and Clipper find in maps of probabilities, by the steps of differentiable binarization
(Liao et al. 2019): contours, smallest rectangle, mean score inside, growth with rounded corners, smallest rectangle again.
The maps are made of soft rectangles by a formula that the tests repeat. Needs python3-opencv, python3-shapely, python3-pyclipper.
Run: python3 make_boxes.py > boxes.json
"""
import json
import math

import cv2
import numpy as np
import pyclipper
from shapely.geometry import Polygon

WIDTH, HEIGHT = 320, 256


def soft_rectangles(rectangles):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    probability = np.zeros((HEIGHT, WIDTH))
    for cx, cy, w, h, degrees, peak in rectangles:
        angle = math.radians(degrees)
        u = (x - cx) * math.cos(angle) + (y - cy) * math.sin(angle)
        v = -(x - cx) * math.sin(angle) + (y - cy) * math.cos(angle)
        edge = np.minimum(w / 2 - np.abs(u), h / 2 - np.abs(v))
        probability = np.maximum(probability, peak / (1 + np.exp(-edge)))
    return probability.astype(np.float32)


def find(probability, threshold=0.3, box_threshold=0.6, ratio=1.5):
    contours, _ = cv2.findContours((probability > threshold).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        rectangle = cv2.minAreaRect(contour)
        if min(rectangle[1]) < 3:
            continue
        points = cv2.boxPoints(rectangle)
        left, top = np.clip(np.floor(points.min(0)).astype(int), 0, [WIDTH - 1, HEIGHT - 1])
        right, bottom = np.clip(np.ceil(points.max(0)).astype(int), 0, [WIDTH - 1, HEIGHT - 1])
        mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
        cv2.fillPoly(mask, (points - [left, top]).astype(np.int32)[None], 1)
        score = cv2.mean(probability[top:bottom + 1, left:right + 1], mask)[0]
        if score < box_threshold:
            continue
        polygon = Polygon(points)
        offset = pyclipper.PyclipperOffset()
        scale = 1024  # whole numbers are all that Clipper knows
        offset.AddPath((points * scale).astype(int).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
        grown = np.array(offset.Execute(polygon.area * ratio / polygon.length * scale)[0], np.float32) / scale
        rectangle = cv2.minAreaRect(grown)
        if min(rectangle[1]) < 5:
            continue
        corners = cv2.boxPoints(rectangle)
        corners = sorted(corners.tolist())
        left_side, right_side = sorted(corners[:2], key=lambda p: p[1]), sorted(corners[2:], key=lambda p: p[1])
        ordered = [left_side[0], right_side[0], right_side[1], left_side[1]]
        boxes.append({"corners": [[round(c, 3) for c in p] for p in ordered], "score": round(score, 5)})
    return sorted(boxes, key=lambda box: box["corners"][0])


cases = [
    [(80, 60, 100, 14, 0, 0.98), (220, 60, 90, 12, 0, 0.95), (160, 120, 180, 16, 0, 0.9)],
    [(100, 100, 120, 16, 30, 0.97), (230, 180, 110, 12, -20, 0.95)],
    [(160, 128, 16, 150, 0, 0.96), (60, 60, 60, 10, 45, 0.93)],
    [(160, 60, 100, 14, 0, 0.5), (160, 120, 3, 3, 0, 0.99), (160, 190, 120, 18, 3, 0.9)],
    [(60, 40, 60, 8, 5, 0.99), (200, 50, 80, 9, -8, 0.99), (80, 150, 90, 20, 15, 0.85), (230, 200, 70, 14, 80, 0.92)],
]
result = [{"rectangles": case, "boxes": find(soft_rectangles(case))} for case in cases]
print(json.dumps({"width": WIDTH, "height": HEIGHT, "cases": result}, indent=1))
