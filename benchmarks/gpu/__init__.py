"""Robust ResNet18s for CIFAR-10 in a quarter of an hour of one GPU: one programme that keeps a deadline.

``python -m benchmarks.gpu --parts a.parquet b.parquet --test test.parquet --out OUT`` trains, chooses on
held-out images by the rule of ``assets/specs/adversarial/front.md``, attacks the chosen networks with
AutoAttack and writes everything as it comes. ``--tiny`` runs every line of it in a minute of two CPU cores.
It needs torch, numpy, pyarrow, Pillow and safetensors, and pyautoattack for the attacks; nothing of ``resq``.
"""
