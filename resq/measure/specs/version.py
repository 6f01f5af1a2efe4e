"""NUMBERS: which numbers a seed gives. Raised whenever a seed gives other ones; golden tests notice.

A row says its NUMBERS, and rows of other NUMBERS never lie on one curve. The ``code`` of a row is finer: it
changes with every edit of the sources, also one that moves no number, and tells only where a row comes from.

What each version changed, and which rows of the one before it carries on (``carry``):

1. The first.
2. An image whose logits are not finite is wrong. Before, argmax took the first NaN for the largest logit, so
   that images of class 0 counted as right. A row without such images (``due`` 0) is the same in both, and one
   in which all images are such has no right answer: both are carried. The others are measured again.
3. A network that is kept as codes of 4 bits is stored in these very words. Before, words of 4 bits were made
   anew from its floats, which gave some channels another range: up to 0.3 % of the words were others. The
   file's hash is the same, so the row alone does not tell it: rows in words of 4 bits are carried where their
   network is known to be kept otherwise (``carry.OTHERWISE``), and measured again elsewhere, also where norms
   are folded (``int4-tmr2+folded9``). Rows in other words are carried.
4. PGD with several restarts whose examples are for another network (transferred, or of a file's twin) keeps
   of every image the worst restart. Before, it was the last one, whatever the others had found. All rows of
   version 3 are carried but for these.
"""

NUMBERS = "4"

# What content keys are made of instead: raised only where no row of the version before can be carried, so
# that what has been measured is found again.
KEYED = "1"
