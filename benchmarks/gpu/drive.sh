#!/usr/bin/env bash
# drive.sh HOME PART LIMIT OUT: on the machine with the GPU, where HOME has what the first folder of `pack` brought and the
# programme runs (its process in HOME/pid, its results in HOME/out, waiting for HOME/PART's images): puts the second folder
# in place, waits at most LIMIT seconds, begins again without CUDA graphs where the programme failed, and packs what
# there is into OUT: results.tgz and the five long runs' networks.
set -u
home=$(realpath "$1") part=$(realpath "$2") limit=$3 out=$(realpath "$4") began=$(date +%s) again=0
export PYTHONUNBUFFERED=1 PYTHONPATH=$home
gone() { echo $(($(date +%s) - began)); }
mkdir -p "$home/shipped"
cp "$part"/*.safetensors "$home/shipped/"
cp "$part/train-2.parquet" "$home/coming" && mv "$home/coming" "$home/train-2.parquet"
cd "$home" || exit 1
results=$home/out
while [ "$(gone)" -lt "$limit" ]; do
  if ! kill -0 "$(cat pid)" 2>/dev/null; then
    sleep 1
    if [ -e "$results/log.json" ] && ! grep -q '"failed"' "$results/log.json"; then break; fi
    left=$((limit - 25 - $(gone)))
    if [ $again -ge 1 ] || [ $left -lt 60 ]; then break; fi
    again=1 results=$home/again
    setsid nohup python3 -m benchmarks.gpu --eager --parts train-1.parquet train-2.parquet --test test.parquet \
      --shipped shipped --out "$results" --seconds $left >again.txt 2>&1 &
    echo $! >pid
  fi
  sleep 1
done
kept=$(ls -d out again first.txt again.txt 2>/dev/null)
tar czf "$out/results.tgz" --exclude nets --exclude test.npz $kept
for name in first bare second first-words second-words; do
  for from in out again; do
    if [ -e "$from/nets/$name.safetensors" ]; then cp "$from/nets/$name.safetensors" "$out/"; fi
  done
done
tail -c 8000 first.txt again.txt 2>/dev/null
ls -l "$out"
