"""A public ResNet-20 for CIFAR-10, as widely used repositories publish it, measured as its authors did.

Such a file is {"state_dict": {"module.conv1.weight": ..., "module.linear.weight": ...}}, option-A shortcuts,
the layout of this project's resnet20. Its images were normalised with ImageNet's mean and deviation, so they
get a data set of their own here: the same photographs, other numbers before the network.

    export RESQ_PLUGINS=docs/plugins/public_resnet20.py    # or --plugin FILE with each command
    python -m resq import resnet20.th --network resnet20 --data public10
    python -m resq evaluate public10/resnet20/resnet20 --ber 0,1e-3
"""

from dataclasses import replace

from resq.data import DATASETS

DATASETS["public10"] = replace(
    DATASETS["cifar10"],
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    about="CIFAR-10, normalised with ImageNet's mean and deviation as in public ResNet-20 repositories",
)
