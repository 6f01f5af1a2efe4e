"""Pictures: tables and arrays in, figures out. Add one: a function and a line in CHARTS.

Nothing here knows streamlit, files or chance, so every figure can be tested and saved as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.attack import four, moved
from dashboard.charts.bits import probabilities, weight_histogram
from dashboard.charts.claims import again, readings
from dashboard.charts.classroom import numbers_said, votes
from dashboard.charts.confusion import flow
from dashboard.charts.curves import accuracy_vs_ber, accuracy_vs_eps
from dashboard.charts.filecharts import targets
from dashboard.charts.flip_animation import film
from dashboard.charts.hardening import before_after, training
from dashboard.charts.layers import agreement, channel_strip, layer_heatmap, plane_histogram
from dashboard.charts.moving.embedding import embedding
from dashboard.charts.moving.steps import accuracy_steps, class_steps, picture_steps
from dashboard.charts.mystery.pixels import pixel_moves
from dashboard.charts.mystery.words import bit_changes, bit_counts, layer_now
from dashboard.charts.storage.mixed_encoding import copies, protected
from dashboard.charts.storage.protection import protection
from dashboard.charts.trace import trace
from dashboard.charts.tradeoff.gains import gains
from dashboard.charts.tradeoff.pareto import pareto, shields
from dashboard.charts.tradeoff_map import heatmap, relief


@dataclass(frozen=True)
class Chart:
    """A kind of picture: its name for people, how to read it, its page, and the function that draws it."""

    title: str
    caption: str
    page: str
    draw: Callable[..., go.Figure]


CHARTS: dict[str, Chart] = {
    "training": Chart(
        "How training goes",
        "One dot per epoch, stages from left to right, a dotted line between them. Grey: loss, at the right. "
        "Validation images were held out of these stages; most bases were trained on them.",
        "harden",
        training,
    ),
    "before_after": Chart(
        "What each stage changed",
        "Accuracy on validation images, which the stages did not train on; whether the base did is said "
        "above: clean, under random faults, under attack; in the words that weights are stored in at that "
        "point. The lines are 95 % intervals over images, under faults over fault maps too.",
        "harden",
        before_after,
    ),
    "surface": Chart(
        "Accuracy under both",
        "Each tile: the share of test images still right at that BER and that budget; brighter is better. "
        "White: where accuracy falls below the line you set. Hatched: not run, which is not zero. Each tile "
        "tells its number of images: where they differ, a step of a few points is the images' as well.",
        "tradeoff",
        heatmap,
    ),
    "relief": Chart(
        "Accuracy under both",
        "Height and colour: the share of test images still right. Drag to turn. Holes were not run. Each "
        "cell's interval is told by “Drawn as: map” and by the table below.",
        "tradeoff",
        relief,
    ),
    "slice_ber": Chart(
        "A column of the map",
        "Accuracy over BER at the chosen budget; band: 95 % over fault maps and images together. A solid "
        "line joins dots of the same images and maps.",
        "tradeoff",
        accuracy_vs_ber,
    ),
    "slice_eps": Chart(
        "A row of the map",
        "Accuracy over the budget at the chosen BER; band: 95 % over images, and over fault maps together "
        "with them where bits flip.",
        "tradeoff",
        accuracy_vs_eps,
    ),
    "shields": Chart(
        "What each shield gives against each threat",
        "Right: resists faults better. Up: resists attack better. Arrows start at the network without a "
        "shield; one that points right and up helps against both. Blue: the networks of a study "
        "(00 none, a attack, f faults, af both where the study has it), each the mean of its seeds, the "
        "small dots. The others: hardened in stages. A shape is an encoding. Areas have no interval here: "
        "dots that lie near each other are not told apart, and an area under PGD is an upper bound.",
        "tradeoff",
        shields,
    ),
    "gains": Chart(
        "Does hardening against one threat help against the other?",
        "Arrows start at the network that was trained on clean. Right: attacks are resisted better. Up: "
        "faults are. A is trained against attacks, F under faults, in equally many steps from the same base; "
        "another name is that of the stage which made the network. "
        "An ellipse's shadow on an axis is the 95 % interval of that change, over seeds, fault maps and "
        "images together; where it crosses a zero line, that change may be none. An arrow without one is of "
        "a single seed.",
        "tradeoff",
        gains,
    ),
    "pareto": Chart(
        "What resistance costs",
        "Each dot is a network as stored, larger where it takes more memory; small dots are the seeds of a "
        "study. The dotted line joins those that no other beats in both; where one beats all, there is none. "
        "Areas have no interval here: dots that lie near each other are not told apart.",
        "tradeoff",
        pareto,
    ),
    "protection": Chart(
        "What is kept, and what it costs",
        "Each dot is a way to store the weights: stored bits, copies and codes counted, all of them struck, "
        "against the share of the accuracy without faults that is kept at a rate. Upright lines: 95 % over "
        "fault maps and images together, each dot's own. The steps join what nothing beats in both, by the "
        "dots alone; dashed: what is to be kept, dotted: the budget, ringed: the answer.",
        "protect",
        protection,
    ),
    "ber": Chart(
        "Accuracy under flipped bits",
        "Each dot is a mean over fault maps. A fault map is one random choice of the bits that flip; along a "
        "curve the maps stay the same and only grow, so a bit that flips at a rate flips at all higher ones. "
        "The band is the 95 % interval of that mean, over maps and images "
        "together; dashed: guessing. Of a point measured more than once the cell is shown whose images and "
        "maps give the narrowest interval. Solid lines join dots of the same images and maps; where a dotted "
        "line leads to a dot with an upright interval, a step is the images' as much as the rate's.",
        "sweep",
        accuracy_vs_ber,
    ),
    "eps": Chart(
        "Accuracy under attack",
        "Each dot: the share of images still right after every pixel was moved by at most eps against the "
        "network. The band is the 95 % Wilson interval over images; dashed: guessing. Under PGD the share "
        "is an upper bound: APGD and AutoAttack leave fewer right.",
        "sweep",
        accuracy_vs_eps,
    ),
    "probabilities": Chart(
        "How sure the network is",
        "One bar per class, solid as stored, hatched with the flips; bold: what the picture shows.",
        "bitlab",
        probabilities,
    ),
    "trace": Chart(
        "How far the flip travels",
        "One bar per layer, from the first to the answer: how far the flips move its output, as a share of "
        "the output itself (2-norms, one forward pass), on a logarithmic axis from 0.01 % to 10 times.",
        "bitlab",
        trace,
    ),
    "moved": Chart(
        "The picture before and after",
        "Every pixel of the attacked picture differs by at most eps from the clean one. In the difference, "
        "grey is no change and full colour a change by eps.",
        "bitlab",
        moved,
    ),
    "four": Chart(
        "Pixels moved, bits flipped",
        "One bar per class: left the clean picture, right, hatched, the attacked one; above the weights as "
        "stored, below with the flips. Bold: what the picture shows; of many classes the likeliest six.",
        "bitlab",
        four,
    ),
    "weight": Chart(
        "Where the weight lies in its layer",
        "Grey: how many weights of the layer lie where, on a log scale; the lines: this weight; orange "
        "steps: the layer with the plane's flips.",
        "bitlab",
        weight_histogram,
    ),
    "layers": Chart(
        "What one flipped bit adds to the loss",
        "Each cell is one stored bit of one layer's weights; the brighter, the more harm a flip does, on a "
        "log scale. A dot: not told from zero. Bars: the layer alone at a bit error rate of 10⁻³, all its "
        "bits summed, with the 95 % interval over fault maps; of PVF, the share of answers that one flip "
        "changes, all bits of the layer. Click a cell or a bar.",
        "layers",
        layer_heatmap,
    ),
    "film": Chart(
        "Bits flip as the error rate grows",
        "Play it, or move the slider. Left: one column per stored word, pale 0 and grey 1; orange has "
        "flipped and stays so, since the map of a rate holds those of all smaller rates. Right: how many "
        "bits of each plane have flipped, on a log scale; dashed: words times the rate. Independent faults "
        "hit every plane alike: where a high bit does more harm, each of its flips does.",
        "layers",
        film,
    ),
    "copies": Chart(
        "What if the smallest layers are stored several times?",
        "Each line: a set of layers whose words are stored several times and read by majority; the bits are "
        "stored bits per weight of the whole network, all of them exposed to flips. Here a layer is picked "
        "first, then a bit in it. Band: 95 % over fault maps and images together, dashed: guessing.",
        "layers",
        copies,
    ),
    "protected": Chart(
        "What if only the worst layers are protected?",
        "Each dot: that share of the weights, of the layers that flips harm most on training images, is "
        "stored in protected words, the rest in plain ones of the same length; bits flip independently. "
        "Upright lines: 95 % over fault maps, the same for all, and images together; dashed: guessing.",
        "layers",
        protected,
    ),
    "agreement": Chart(
        "Does the estimate rank the cells as the measurement does?",
        "Each dot is a cell whose measured change stands above its own noise; on the dashed line both agree. "
        "The faint lines are 95 % intervals over fault maps.",
        "layers",
        agreement,
    ),
    "plane": Chart(
        "The layer's weights before and after",
        "Blue: how many weights lie where, as stored, on a log scale. Orange steps: the same with this bit "
        "flipped in every word of the layer.",
        "layers",
        plane_histogram,
    ),
    "channels": Chart(
        "Where in the layer it hurts",
        "One stripe per output channel: the estimated change of the loss per flipped bit in it.",
        "layers",
        channel_strip,
    ),
    "targets": Chart(
        "What a flipped bit can hit",
        "Stored bits of each kind: what a fault in the memory that holds the file can strike.",
        "yournetwork",
        targets,
    ),
    "flow": Chart(
        "Which class becomes which",
        "One line per answer as stored, one column per answer with the flips, over all fault maps; the "
        "number is the share of the line in %, from 2 % on. Grey: answers that stayed. A bright column is a "
        "class that swallows others. These are counts of the named images and maps, without an interval.",
        "sweep",
        flow,
    ),
    "cell_again": Chart(
        "Stored and measured again",
        "The stored cell and the same cell measured on this machine, each with the 95 % interval of its own, "
        "over fault maps and images where bits flip. The sentence above says by what they are judged.",
        "sweep",
        again,
    ),
    "embedding": Chart(
        "Pictures move among the network's features",
        "Play it, or move the slider; nothing is computed for it. Each mark is a test picture, in colour and "
        "shape its true class; a ring: answered wrongly. A line leads back to where it lay as stored. "
        "Shaded, with a name: what the last layer, as it is in that step, answers at points of the plane. "
        "Pictures lie off the plane, so a mark may be answered otherwise than its region says. What lies "
        "beyond the edge is drawn on it; each axis has a scale of its own. A click "
        "chooses a picture, one on the legend hides a class.",
        "moving",
        embedding,
    ),
    "accuracy_steps": Chart(
        "The whole network, step by step",
        "The share of these pictures that are right. Lines: 95 %, under flips over fault maps and images "
        "together, else over images (Wilson). Under PGD the share is an upper bound.",
        "moving",
        accuracy_steps,
    ),
    "class_steps": Chart(
        "Class by class",
        "The share of right answers of each class in %, over all fault maps; white where no picture of the "
        "class is among these.",
        "moving",
        class_steps,
    ),
    "picture_steps": Chart(
        "One picture on its way",
        "How sure the network is of each class, in %, under this fault map; ringed: its answer. A step "
        "without tiles gave what is no number.",
        "moving",
        picture_steps,
    ),
    "votes": Chart(
        "What the class predicts",
        "One bar per choice: how many have locked it. Green and hatched, once it is shown: what is right.",
        "classroom",
        votes,
    ),
    "numbers_said": Chart(
        "What the class predicts",
        "One bar per place of the scale: how many have locked it. Green: nearest to what was measured.",
        "classroom",
        numbers_said,
    ),
    "layer_now": Chart(
        "The layer's weights",
        "Bars: the weights as they were stored; line: as they are read now. Counts on a logarithmic scale.",
        "mystery",
        layer_now,
    ),
    "bit_counts": Chart(
        "How many words hold a 1",
        "Two bars for each bit of the stored words: as they were stored, and hatched, now.",
        "mystery",
        bit_counts,
    ),
    "bit_changes": Chart(
        "Which bits changed",
        "Words in which a bit has changed: from 0 to 1, and hatched, from 1 to 0.",
        "mystery",
        bit_changes,
    ),
    "pixel_moves": Chart(
        "How far the pixels are moved",
        "All values of all pictures: by how much each differs from what the camera gave.",
        "mystery",
        pixel_moves,
    ),
    "readings": Chart(
        "What the claim could mean",
        "One row per reading of the open conditions. The open diamond and its line: the figure as quoted, "
        "never measured here. Circle: measured here, with its 95 % interval over fault maps and images; grey "
        "square: the unhardened network under the same reading, with 95 % of its own. The intervals of the "
        "circles hold for all readings that are judged together; those for comparison alone are not "
        "counted. Not comparable: what was measured cannot tell. A reading is consistent where its whole "
        "interval lies within the claim's margin of the line.",
        "replay",
        readings,
    ),
    "again": Chart(
        "Stored and measured again",
        "The stored cell and the same cell measured on this machine, each with the 95 % interval of its own, "
        "over fault maps and images where bits flip; the open diamond is the quoted figure. The sentence "
        "above says by what they are judged.",
        "replay",
        again,
    ),
}
