"""What to store and how: the cheapest protection, layer by layer, that keeps what is asked at an error rate.

mixtures: what there is to choose from and what it costs. search: the least of it that is enough. trial:
what is kept on held-out images, resumable. deploy: the words as bytes with their layout. decoder.c reads
them; decoder compiles it. answer: the sentence, the front and the report. singles: the share of
critical bits, where flips come one at a time. fulfilled: whether what was asked
for is kept. at_rate: what rows say between measured rates.
"""
