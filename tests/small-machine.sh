#!/usr/bin/env bash
# Runs a network of Stable Diffusion 1.5, full size, in the memory of a Raspberry Pi Zero 2 W, and fails unless it finishes there.
#
#   tests/small-machine.sh unet|vae_decoder [--limit MIB] [--panel-store FILE] [OPTION-OF-ONNXSTREAM-RUN ...]
#
# The limit is one of a memory control group (v2, or v1 where that is what the machine has), which counts the page cache too; there is
# no swap in it. Where no group can be made, the process's peak of resident memory is compared with the limit instead, and the
# last line says so. The files are dropped from the page cache first: pages that others brought in would be counted as theirs.
#
# The networks come from: dotnet run --project tests/OnnxStream.Interop.Benchmarks -c Release -- generate   (4.1 GB)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "small-machine: $*" >&2
  exit 1
}

[[ $# -ge 1 ]] || fail "name a network: unet or vae_decoder"
network=$1
shift
# Of 512 MB, the graphics processor keeps 64 MB and the kernel its tables: Raspberry Pi OS reports about 416 MiB in all.
limit_mib=416
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --limit) limit_mib=$2; shift 2 ;;
    *) arguments+=("$1"); shift ;;
  esac
done
limit=$((limit_mib << 20))
tool=$PWD/artifacts/bin/onnxstream
[[ -x $tool ]] || fail "$tool is not there: './build.sh build' makes it"
models=${ONNXSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onnxstream-interop}/models/sd15
model=$models/$network/model.onnx
[[ -f $model ]] || fail "$model is not there; the networks are made by: dotnet run --project tests/OnnxStream.Interop.Benchmarks -c Release -- generate"

# Written pages first: only clean ones can be dropped.
sync "$models/$network"/*
for file in "$models/$network"/*; do
  dd "of=$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
done

# Makes a control group for the run; prints its folder and version.
make_group() {
  local own group
  own=$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)
  for group in "/sys/fs/cgroup${own%/}/onnxstream-$$" "$(dirname "/sys/fs/cgroup$own")/onnxstream-$$"; do
    if mkdir "$group" 2>/dev/null; then
      if [[ -w $group/memory.max ]] && echo "$limit" 2>/dev/null >"$group/memory.max"; then
        echo 0 2>/dev/null >"$group/memory.swap.max" || true
        echo "$group 2"
        return
      fi
      rmdir "$group"
    fi
  done
  own=$(awk -F: '$2 ~ /(^|,)memory(,|$)/ { print $3 }' /proc/self/cgroup)
  group=/sys/fs/cgroup/memory$own/onnxstream-$$
  if [[ -n $own ]] && mkdir "$group" 2>/dev/null; then
    if echo "$limit" 2>/dev/null >"$group/memory.limit_in_bytes"; then
      echo 0 2>/dev/null >"$group/memory.swappiness" || true
      echo "$group 1"
      return
    fi
    rmdir "$group"
  fi
}

read -r group version <<<"$(make_group)" || true
report=$(mktemp)
code=0
if [[ -n ${group:-} ]]; then
  # The shell joins the group and becomes the tool, so that every page of the tool is counted.
  bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' join "$group" "$tool" run "$model" --json ${arguments[@]+"${arguments[@]}"} >"$report" || code=$?
  if [[ $version == 2 ]]; then
    counted=$(cat "$group/memory.peak" 2>/dev/null || echo unknown)
    how="control group (v2), reached its limit $(awk '$1 == "max" { print $2 }' "$group/memory.events") times"
  else
    counted=$(cat "$group/memory.max_usage_in_bytes")
    how="control group (v1), reached its limit $(cat "$group/memory.failcnt") times"
  fi
  # Pages that the files left in the group go before it can.
  [[ ! -w $group/memory.force_empty ]] || echo 0 2>/dev/null >"$group/memory.force_empty" || true
  rmdir "$group" 2>/dev/null || true
else
  "$tool" run "$model" --json ${arguments[@]+"${arguments[@]}"} >"$report" || code=$?
  counted="not counted"
  how="no control group could be made: the peak of resident memory was compared"
fi
cat "$report"
resident=$(awk -F'[:,]' '/"peak_rss_bytes"/ { print $2 + 0 }' "$report")
rm -f "$report"
[[ $code == 0 ]] || fail "$network did not finish in $limit_mib MiB (exit code $code; $how)"
[[ -n ${group:-} || $resident -le $limit ]] || fail "$network had $resident bytes resident, more than $limit"
echo "small-machine: $network finished in $limit_mib MiB; peak resident $resident bytes, with page cache $counted bytes; $how"
