"""Writes detections.json: boxes that OpenCV's NMSBoxes keeps of outputs of YOLOv8's layout, put back into the picture as letterboxing wants it.
The outputs are made of a linear congruential generator that the tests repeat. Needs python3-opencv. Run: python3 make_detections.py > detections.json
"""
import json

import cv2
import numpy as np


class Numbers:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state / 2**32


def output(seed, classes, places, side):
    numbers = Numbers(seed)
    result = np.zeros((4 + classes, places), np.float32)
    for place in range(places):
        # Few centres, so that many boxes lie upon one another.
        corner = int(numbers.next() * 6)
        result[0, place] = side * (0.15 + 0.14 * corner) + 20 * numbers.next()
        result[1, place] = side * (0.8 - 0.11 * corner) + 20 * numbers.next()
        result[2, place] = 40 + 60 * numbers.next()
        result[3, place] = 30 + 80 * numbers.next()
        for c in range(classes):
            result[4 + c, place] = numbers.next() ** 3
    return result


def detect(result, side, width, height, threshold=0.25, overlap=0.45):
    scale = min(side / width, side / height)
    own = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = round((side - own[0]) / 2 - 0.1), round((side - own[1]) / 2 - 0.1)
    found = []
    scores = result[4:].max(0)
    classes = result[4:].argmax(0)
    for c in range(result.shape[0] - 4):
        boxes, confidences = [], []
        for place in np.nonzero((classes == c) & (scores > threshold))[0]:
            x, y, w, h = result[:4, place]
            x0, y0 = max(0, (x - w / 2 - left) / scale), max(0, (y - h / 2 - top) / scale)
            x1, y1 = min(width, (x + w / 2 - left) / scale), min(height, (y + h / 2 - top) / scale)
            if x1 > x0 and y1 > y0:
                boxes.append([float(x0), float(y0), float(x1 - x0), float(y1 - y0)])
                confidences.append(float(scores[place]))
        for i in np.array(cv2.dnn.NMSBoxes([[v * 64 for v in b] for b in boxes], confidences, threshold, overlap)).reshape(-1):
            x, y, w, h = boxes[i]
            found.append({"class": c, "score": round(confidences[i], 5), "box": [round(v, 3) for v in (x, y, x + w, y + h)]})
    return sorted(found, key=lambda f: -f["score"])


cases = []
for seed, classes, places, side, width, height in [(1, 3, 200, 320, 320, 320), (2, 5, 300, 320, 640, 480), (3, 2, 150, 416, 300, 500), (4, 1, 400, 640, 1920, 1080)]:
    cases.append({"seed": seed, "classes": classes, "places": places, "side": side, "width": width, "height": height, "objects": detect(output(seed, classes, places, side), side, width, height)})
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
