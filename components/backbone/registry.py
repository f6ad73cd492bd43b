"""Every backbone of keras.applications, with what people choose one by.

Needs no Keras: the list answers at once, and the configuration is checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """One architecture.

    Attributes:
        module: of keras.applications whose `preprocess_input` belongs to it.
        image_size: pixels on each side at which it was pretrained.
        parameters: in millions, with ImageNet's top of 1,000 classes.
        top1: accuracy on ImageNet's validation photos, in percent.

    Both as published on https://keras.io/api/applications; MobileNetV3 from its docstring
    in Keras.
    """

    module: str
    image_size: int
    parameters: float
    top1: float


BACKBONES: dict[str, Backbone] = {
    "ConvNeXtBase": Backbone("convnext", 224, 88.5, 85.3),
    "ConvNeXtLarge": Backbone("convnext", 224, 197.7, 86.3),
    "ConvNeXtSmall": Backbone("convnext", 224, 50.2, 82.3),
    "ConvNeXtTiny": Backbone("convnext", 224, 28.6, 81.3),
    "ConvNeXtXLarge": Backbone("convnext", 224, 350.1, 86.7),
    "DenseNet121": Backbone("densenet", 224, 8.1, 75.0),
    "DenseNet169": Backbone("densenet", 224, 14.3, 76.2),
    "DenseNet201": Backbone("densenet", 224, 20.2, 77.3),
    "EfficientNetB0": Backbone("efficientnet", 224, 5.3, 77.1),
    "EfficientNetB1": Backbone("efficientnet", 240, 7.9, 79.1),
    "EfficientNetB2": Backbone("efficientnet", 260, 9.2, 80.1),
    "EfficientNetB3": Backbone("efficientnet", 300, 12.3, 81.6),
    "EfficientNetB4": Backbone("efficientnet", 380, 19.5, 82.9),
    "EfficientNetB5": Backbone("efficientnet", 456, 30.6, 83.6),
    "EfficientNetB6": Backbone("efficientnet", 528, 43.3, 84.0),
    "EfficientNetB7": Backbone("efficientnet", 600, 66.7, 84.3),
    "EfficientNetV2B0": Backbone("efficientnet_v2", 224, 7.2, 78.7),
    "EfficientNetV2B1": Backbone("efficientnet_v2", 240, 8.2, 79.8),
    "EfficientNetV2B2": Backbone("efficientnet_v2", 260, 10.2, 80.5),
    "EfficientNetV2B3": Backbone("efficientnet_v2", 300, 14.5, 82.0),
    "EfficientNetV2L": Backbone("efficientnet_v2", 480, 119.0, 85.7),
    "EfficientNetV2M": Backbone("efficientnet_v2", 480, 54.4, 85.3),
    "EfficientNetV2S": Backbone("efficientnet_v2", 384, 21.6, 83.9),
    "InceptionResNetV2": Backbone("inception_resnet_v2", 299, 55.9, 80.3),
    "InceptionV3": Backbone("inception_v3", 299, 23.9, 77.9),
    "MobileNet": Backbone("mobilenet", 224, 4.3, 70.4),
    "MobileNetV2": Backbone("mobilenet_v2", 224, 3.5, 71.3),
    "MobileNetV3Large": Backbone("mobilenet_v3", 224, 5.4, 75.6),
    "MobileNetV3Small": Backbone("mobilenet_v3", 224, 2.9, 68.1),
    "NASNetLarge": Backbone("nasnet", 331, 88.9, 82.5),
    "NASNetMobile": Backbone("nasnet", 224, 5.3, 74.4),
    "ResNet101": Backbone("resnet", 224, 44.7, 76.4),
    "ResNet101V2": Backbone("resnet_v2", 224, 44.7, 77.2),
    "ResNet152": Backbone("resnet", 224, 60.4, 76.6),
    "ResNet152V2": Backbone("resnet_v2", 224, 60.4, 78.0),
    "ResNet50": Backbone("resnet", 224, 25.6, 74.9),
    "ResNet50V2": Backbone("resnet_v2", 224, 25.6, 76.0),
    "VGG16": Backbone("vgg16", 224, 138.4, 71.3),
    "VGG19": Backbone("vgg19", 224, 143.7, 71.3),
    "Xception": Backbone("xception", 299, 22.9, 79.0),
}
