"""The names that ``import resq`` gives, over specs, stores and engines; nothing else imports this room.

models: anything that can be measured, by a name. images: arrays, loaders, data sets, by a name. given: any
``nn.Module``. flips: a model under flipped bits, a model as its
words are read. measuring: sweep, attack, sensitivity, of what ``asked`` makes a spec. results: rows with what
is asked of them. drawing: their figures. making: harden, report.
"""
