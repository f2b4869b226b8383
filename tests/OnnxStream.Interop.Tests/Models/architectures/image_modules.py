"""Image networks with random weights: torchvision's classes, and a detector and a U-Net written from their published descriptions.

Every function takes "full", the published widths and image, or "tiny", the same topology with few channels on a small image, and
returns the module, its inputs by name, the names of its outputs, and the axes that may stay open.

Batch normalization is calibrated on noise, so that activations keep a size of one through any depth.
"""
import torch
import torchvision
from torch import nn
import torch.nn.functional as F
from torchvision.models import densenet, mobilenetv2, mobilenetv3, resnet, shufflenetv2, squeezenet, vgg
from torchvision.models.inception import Inception3


def image(height, width, channels=3):
    return torch.randn(1, channels, height, width)


def narrow(module, divisor, keep=()):
    """Divides all widths of a network by a number: torchvision's classes have theirs written into them."""
    def width(n):
        return n if n in keep else max(1, n // divisor)

    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            child = nn.Conv2d(child.in_channels if child.in_channels == 3 else width(child.in_channels), width(child.out_channels),
                              child.kernel_size, child.stride, child.padding, child.dilation, width(child.groups) if child.groups > 1 else 1,
                              child.bias is not None)
        elif isinstance(child, nn.BatchNorm2d):
            child = nn.BatchNorm2d(width(child.num_features), eps=child.eps)
        elif isinstance(child, nn.Linear):
            child = nn.Linear(width(child.in_features), width(child.out_features))
        else:
            narrow(child, divisor, keep)
            continue
        setattr(module, name, child)
    return module


def calibrate(module, x):
    """Gives every batch normalization the statistics of what comes to it, and a scale and shift of its own."""
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in norms:
        nn.init.uniform_(m.weight, 0.8, 1.2)
        nn.init.uniform_(m.bias, -0.2, 0.2)
        m.reset_running_stats()
        m.momentum = 1.0
    dropout = [m for m in module.modules() if isinstance(m, nn.Dropout)]
    for m in dropout:
        m.p = 0.0
    if norms:
        module.train()
        with torch.no_grad():
            module(torch.randn(2 if x.shape[2] > 200 else 64, *x.shape[1:]))
    return module.eval()


def classifier(module, x):
    return calibrate(module, x), {"image": x}, ["logits"], {"image": {0: "batch"}, "logits": {0: "batch"}}


def resnet50(size):
    if size == "full":
        return classifier(resnet.ResNet(resnet.Bottleneck, [3, 4, 6, 3]), image(224, 224))
    return classifier(narrow(resnet.ResNet(resnet.Bottleneck, [1, 2, 2, 1], num_classes=160), 16), image(64, 64))


def resnext(size):
    if size == "full":
        return classifier(resnet.ResNet(resnet.Bottleneck, [3, 4, 6, 3], groups=32, width_per_group=4), image(224, 224))
    return classifier(narrow(resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=160, groups=32, width_per_group=4), 16), image(64, 64))


def mobilenet_v2(size):
    if size == "full":
        return classifier(mobilenetv2.MobileNetV2(), image(224, 224))
    settings = [[1, 16, 1, 1], [4, 24, 2, 2], [6, 32, 3, 2], [6, 64, 2, 2], [6, 96, 2, 1], [6, 160, 2, 2]]
    module = mobilenetv2.MobileNetV2(num_classes=10, width_mult=0.25, inverted_residual_setting=settings)
    module.features[-1] = torchvision.ops.Conv2dNormActivation(40, 96, 1, activation_layer=nn.ReLU6)
    module.classifier[1] = nn.Linear(96, 10)
    return classifier(module, image(64, 64))


def mobilenet_v3(size):
    if size == "full":
        return classifier(mobilenetv3.mobilenet_v3_large(), image(224, 224))
    settings, last = mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.25, reduced_tail=True)
    return classifier(mobilenetv3.MobileNetV3(settings, last // 8, num_classes=10), image(64, 64))


def densenet121(size):
    if size == "full":
        return classifier(densenet.DenseNet(), image(224, 224))
    return classifier(densenet.DenseNet(8, (3, 4, 3, 2), 16, num_classes=10), image(64, 64))


def shufflenet_v2(size):
    if size == "full":
        return classifier(shufflenetv2.ShuffleNetV2([4, 8, 4], [24, 116, 232, 464, 1024]), image(224, 224))
    return classifier(shufflenetv2.ShuffleNetV2([2, 3, 2], [8, 16, 36, 64, 96], num_classes=10), image(64, 64))


def squeezenet1_1(size):
    if size == "full":
        return classifier(squeezenet.SqueezeNet("1_1"), image(224, 224))
    return classifier(narrow(squeezenet.SqueezeNet("1_1", num_classes=40), 4), image(67, 67))


def inception_v3(size):
    # Trained with a second output, which is not computed when it is used.
    if size == "full":
        return classifier(Inception3(aux_logits=False, transform_input=True, init_weights=False), image(299, 299))
    return classifier(narrow(Inception3(num_classes=160, aux_logits=False, transform_input=True, init_weights=False), 16), image(107, 107))


def vgg16(size):
    if size == "full":
        return classifier(vgg.VGG(vgg.make_layers(vgg.cfgs["D"])), image(224, 224))
    module = narrow(vgg.VGG(vgg.make_layers(vgg.cfgs["D"]), num_classes=160), 16)
    module.avgpool = nn.AdaptiveAvgPool2d(1)
    module.classifier[0] = nn.Linear(32, 64)
    module.classifier[3] = nn.Linear(64, 64)
    module.classifier[6] = nn.Linear(64, 10)
    return classifier(module, image(32, 48))


# ----------------------------------------------------------------------------- a detector in the manner of YOLO v5
class ConvUnit(nn.Module):
    def __init__(self, c1, c2, k=1, s=1):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(c2, eps=1e-3)

    def forward(self, x):
        return F.silu(self.bn(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, c, shortcut):
        super().__init__()
        self.cv1, self.cv2, self.shortcut = ConvUnit(c, c), ConvUnit(c, c, 3), shortcut

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class CrossStage(nn.Module):
    def __init__(self, c1, c2, n, shortcut=True):
        super().__init__()
        self.cv1, self.cv2, self.cv3 = ConvUnit(c1, c2 // 2), ConvUnit(c1, c2 // 2), ConvUnit(c2, c2)
        self.m = nn.Sequential(*(Residual(c2 // 2, shortcut) for _ in range(n)))

    def forward(self, x):
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class PyramidPooling(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.cv1, self.cv2, self.m = ConvUnit(c, c // 2), ConvUnit(c * 2, c), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        x = self.cv1(x)
        a = self.m(x)
        b = self.m(a)
        return self.cv2(torch.cat((x, a, b, self.m(b)), 1))


class Detector(nn.Module):
    """Backbone, feature pyramid up and down, three heads of three anchors, and non-maximum suppression for each class."""

    anchors = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
    strides = (8, 16, 32)

    def __init__(self, w=64, n=1, classes=80, threshold=0.25):
        super().__init__()
        self.classes, self.threshold = classes, threshold
        c = [w // 2, w, w * 2, w * 4, w * 8]
        self.stem = ConvUnit(3, c[0], 6, 2)
        self.stem.conv.padding = (2, 2)
        self.s2 = nn.Sequential(ConvUnit(c[0], c[1], 3, 2), CrossStage(c[1], c[1], n))
        self.s3 = nn.Sequential(ConvUnit(c[1], c[2], 3, 2), CrossStage(c[2], c[2], n * 2))
        self.s4 = nn.Sequential(ConvUnit(c[2], c[3], 3, 2), CrossStage(c[3], c[3], n * 3))
        self.s5 = nn.Sequential(ConvUnit(c[3], c[4], 3, 2), CrossStage(c[4], c[4], n), PyramidPooling(c[4]))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.l5, self.l4 = ConvUnit(c[4], c[3]), ConvUnit(c[3], c[2])
        self.p4, self.p3 = CrossStage(c[4], c[3], n, False), CrossStage(c[3], c[2], n, False)
        self.d3, self.d4 = ConvUnit(c[2], c[2], 3, 2), ConvUnit(c[3], c[3], 3, 2)
        self.n4, self.n5 = CrossStage(c[3], c[3], n, False), CrossStage(c[4], c[4], n, False)
        self.heads = nn.ModuleList(nn.Conv2d(x, 3 * (classes + 5), 1) for x in c[2:])

    def decode(self, x, i):
        b, _, h, w = x.shape
        x = x.view(b, 3, self.classes + 5, h, w).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
        y, z = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((z, y), 2).expand(1, 3, h, w, 2).float() - 0.5
        anchors = torch.tensor(self.anchors[i]).view(1, 3, 1, 1, 2).expand(1, 3, h, w, 2).float()
        xy = (x[..., 0:2] * 2 + grid) * self.strides[i]
        wh = (x[..., 2:4] * 2) ** 2 * anchors
        return torch.cat((xy, wh, x[..., 4:]), -1).view(b, -1, self.classes + 5)

    def features(self, x):
        c3 = self.s3(self.s2(self.stem(x)))
        c4 = self.s4(c3)
        l5 = self.l5(self.s5(c4))
        l4 = self.l4(self.p4(torch.cat((self.up(l5), c4), 1)))
        p3 = self.p3(torch.cat((self.up(l4), c3), 1))
        n4 = self.n4(torch.cat((self.d3(p3), l4), 1))
        return p3, n4, self.n5(torch.cat((self.d4(n4), l5), 1))

    def forward(self, x):
        found = torch.cat([self.decode(head(f), i) for i, (head, f) in enumerate(zip(self.heads, self.features(x)))], 1)
        p = found[0]
        score, label = (p[:, 5:] * p[:, 4:5]).max(1)
        keep = torch.nonzero(score > self.threshold).squeeze(1)
        p, score, label = p[keep], score[keep], label[keep]
        half = p[:, 2:4] / 2
        boxes = torch.cat((p[:, :2] - half, p[:, :2] + half), 1)
        # Boxes of different classes are moved apart, so that they do not suppress each other.
        keep = torchvision.ops.nms(boxes + label[:, None].float() * 4096, score, 0.45)
        return found, boxes[keep], score[keep], label[keep]


def detector(size):
    module, x = (Detector(), image(320, 320)) if size == "full" else (Detector(6, 1, 6), image(96, 64))
    calibrate(module, x)
    with torch.no_grad():
        # About sixty candidates, the threshold in the middle of the widest gap near there: rounding decides about none.
        found = module(x)[0][0]
        scores = (found[:, 5:] * found[:, 4:5]).max(1)[0].sort(descending=True)[0]
        at = 50 + int((scores[50:70] - scores[51:71]).argmax())
        module.threshold = float(scores[at] + scores[at + 1]) / 2
    return module, {"images": x}, ["predictions", "boxes", "scores", "labels"], {
        "images": {2: "height", 3: "width"}, "predictions": {1: "anchors"}, "boxes": {0: "found"}, "scores": {0: "found"}, "labels": {0: "found"}}


# ----------------------------------------------------------------------------- U-Net
class TwoConvs(nn.Sequential):
    def __init__(self, c1, c2):
        super().__init__(nn.Conv2d(c1, c2, 3, padding=1, bias=False), nn.BatchNorm2d(c2), nn.ReLU(inplace=True),
                         nn.Conv2d(c2, c2, 3, padding=1, bias=False), nn.BatchNorm2d(c2), nn.ReLU(inplace=True))


class UNet(nn.Module):
    """Four halvings and doublings with connections across; doubling is learned or bilinear."""

    def __init__(self, w=64, classes=2, bilinear=False):
        super().__init__()
        c = [w, w * 2, w * 4, w * 8, w * 16]
        self.first = TwoConvs(3, c[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), TwoConvs(a, b)) for a, b in zip(c, c[1:]))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(b, a, 1)) if bilinear
            else nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(c[::-1][1:], c[::-1]))
        self.join = nn.ModuleList(TwoConvs(a * 2, a) for a in c[::-1][1:])
        self.last = nn.Conv2d(w, classes, 1)

    def forward(self, x):
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(kept[-1]))
        x = kept.pop()
        for up, join in zip(self.up, self.join):
            x = up(x)
            skip = kept.pop()
            dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
            x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
            x = join(torch.cat([skip, x], 1))
        return self.last(x)


def unet(size):
    module, x = (UNet(), image(256, 256)) if size == "full" else (UNet(3), image(48, 32))
    return calibrate(module, x), {"image": x}, ["mask"], {"image": {0: "batch", 2: "height", 3: "width"}, "mask": {0: "batch", 2: "height", 3: "width"}}


def unet_bilinear(size):
    module, x = (UNet(bilinear=True), image(256, 256)) if size == "full" else (UNet(3, bilinear=True), image(35, 50))
    return calibrate(module, x), {"image": x}, ["mask"], {"image": {0: "batch", 2: "height", 3: "width"}, "mask": {0: "batch", 2: "height", 3: "width"}}


ARCHITECTURES = {f.__name__: f for f in (
    resnet50, resnext, mobilenet_v2, mobilenet_v3, densenet121, shufflenet_v2, squeezenet1_1, inception_v3, vgg16, detector, unet, unet_bilinear)}
