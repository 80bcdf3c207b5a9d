#!/usr/bin/env bash
# The whole way: recordings -> dataset -> verified -> trained on -> a clip back to audio. About five minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
duplexset=${DUPLEXSET:-duplexset}
out=demo-out
mkdir -p "$out"

echo "== 1. build a dataset from demo/recordings"
"$duplexset" build demo/recordings/manifest.csv "$out/dataset" --split 60/20/20
echo "== 2. verify it"
"$duplexset" verify "$out/dataset"
echo "== 3. train the duplex model on it for a while"
"$duplexset" train "$out/dataset" "$out/run" --steps 160 --minutes 4 --eval-every 40
echo "== 4. decode a clip"
"$duplexset" decode "$out/dataset" "$out/clip.wav"

cat <<END
== done
  $out/dataset/report.html   what a person looks at: open it in a browser
  $out/dataset/shards        what a trainer streams: WebDataset tars
  $out/dataset/index         what an auditor asks: clips.parquet, recordings.parquet
  $out/dataset/dataset.json  configuration, weights, totals
  $out/run                   the trained model, metrics.jsonl, TensorBoard events
  $out/clip.wav              a clip decoded from its tokens: listen to it
END
