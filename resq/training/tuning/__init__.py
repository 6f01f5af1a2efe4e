"""What hardening stages share: the interface, the fine-tuning loop, quantized passes, the evaluation."""
