#!/usr/bin/env bash
# Every verb of the build, for people and for CI alike. Thin: the work is in CMake (cmake/native.cmake) and MSBuild.
# `./build.sh help` lists the verbs; build.ps1 has the same ones for Windows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
# A compiler or MSBuild server that outlives the build would hold its caller's pipes open.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false

solution=OnnxStream.Interop.sln
tool=artifacts/bin/onnxstream
benchmarks=tests/OnnxStream.Interop.Benchmarks
fuzzing=tests/OnnxStream.Interop.Fuzzing
demo_model=src/OnnxStream.Interop.Diffusion/Models/tiny-shapes
default_prompt="a yellow star on a blue background"

help() {
  cat <<TEXT
Usage: ./build.sh VERB

  native [--rid RID] [--allow-gcc]  get and build XNNPACK (taken from the cache where it was built before)
  bindings                          regenerate bindings/Generated from the headers of XNNPACK
  build                             native, then the solution; leaves the tool at $tool
  test [DOTNET-TEST-OPTION ...]     build, then all tests
  demo ["PROMPT"]                   build, then pictures from text with the model that ships in this repository
  publish [--rid RID]               the tool for other machines: compiled ahead of time, in artifacts/publish
  pack                              NuGet packages in artifacts/packages
TEXT
  [[ -d $fuzzing ]] && echo "  fuzz [OPTION ...]                 build, then mutated files, --files of them (docs/reliability.md)"
  [[ -d $benchmarks ]] && echo "  bench [OPTION ...]                build, then the benchmarks"
  cat <<TEXT
  clean                             remove artifacts/ (not the cache of native libraries)
  help                              this text

Environment: ONNXSTREAM_CACHE  where sources and native libraries are kept (~/.cache/onnxstream-interop)
             ONNXSTREAM_SOURCES=auto|git|debian  where sources come from
             ONNXSTREAM_ONNX_TESTDATA  a folder with the test cases of the ONNX project (Debian: libonnx-testdata)
TEXT
}

fail() {
  echo "$*" >&2
  exit 1
}

# --- Tools -----------------------------------------------------------------------------------------------------------

# Prints the name of a Clang that is new enough (the same search as cmake/compilers.cmake).
find_clang() {
  local name version
  for name in clang-19 clang-18 clang-17 clang-16 clang; do
    version=$("$name" --version 2>/dev/null) || continue
    if [[ $version == Apple* || ($version =~ clang\ version\ ([0-9]+) && ${BASH_REMATCH[1]} -ge 16) ]]; then
      echo "$name"
      return
    fi
  done
  return 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Prints what is missing, one word a line: clang, lld, ninja, cmake, python3, arm64-sysroot.
missing_tools() {
  local rid=$1 allow_gcc=$2 clang
  if clang=$(find_clang); then
    [[ $(uname -s) == Darwin ]] || have "$("$clang" -print-prog-name=ld.lld)" || echo lld
  elif [[ -z $allow_gcc ]]; then
    echo clang
    [[ $(uname -s) == Darwin ]] || echo lld
  else
    have ld.lld || echo lld
  fi
  have ninja || have ninja-build || echo ninja
  have cmake || echo cmake
  have python3 || echo python3
  if [[ $rid == linux-arm64 && $(uname -m) != aarch64 && ! -d /usr/aarch64-linux-gnu/include ]]; then
    echo arm64-sysroot
  fi
}

# Prints the Debian packages of what is missing. Any LLVM from 16 on will do: the one that this release has.
debian_packages() {
  local allow_gcc=$1 missing=$2 llvm=16 version tool package packages=""
  for version in 19 18 17 16; do
    [[ -z $(apt-cache show "clang-$version" 2>/dev/null) ]] || llvm=$version
  done
  for tool in $missing; do
    case $tool in
      clang) package=clang-$llvm ;;
      lld) package=lld-$(installed_llvm || echo "$llvm") ;;
      ninja) package=ninja-build ;;
      arm64-sysroot) package=crossbuild-essential-arm64 ;;
      *) package=$tool ;;
    esac
    # GCC looks for the linker under its plain name, which only the unversioned package has.
    [[ $tool != lld || -z $allow_gcc ]] || package=lld
    packages+="${packages:+ }$package"
  done
  echo "$packages"
}

# The version of the Clang that is there already: its linker must come from the same release.
installed_llvm() {
  local clang version
  clang=$(find_clang) || return 1
  version=$("$clang" --version)
  [[ $version =~ clang\ version\ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

install_tools() {
  local rid=$1 allow_gcc=$2 missing packages log
  missing=$(missing_tools "$rid" "$allow_gcc")
  [[ -z $missing ]] && return
  missing=${missing//$'\n'/ }
  if [[ $(uname -s) == Darwin ]]; then
    fail "tools: missing: $missing. Install Clang with 'xcode-select --install' and the rest with 'brew install ninja cmake python3'."
  fi
  if ! have apt-get; then
    fail "tools: missing: $missing. Install them with this system's package manager (Clang and LLD 16 or newer, CMake 3.22 or newer)."
  fi
  if [[ $(id -u) != 0 ]]; then
    packages=$(debian_packages "$allow_gcc" "$missing")
    fail "tools: missing: $missing. Install with: sudo apt-get update && sudo apt-get install --no-install-recommends $packages"
  fi
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >"$log" 2>&1 || { cat "$log" >&2; fail "tools: missing: $missing, and apt-get update failed."; }
  packages=$(debian_packages "$allow_gcc" "$missing")
  echo "tools: installing $packages with apt-get"
  # shellcheck disable=SC2086 # one word for each package
  apt-get install -q -y --no-install-recommends $packages >"$log" 2>&1 || { cat "$log" >&2; fail "tools: apt-get install $packages failed."; }
  rm -f "$log"
  missing=$(missing_tools "$rid" "$allow_gcc")
  [[ -z $missing ]] || fail "tools: still missing after the installation: ${missing//$'\n'/ }."
}

require_dotnet() {
  local version
  have dotnet || fail "build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0"
  version=$(dotnet --version 2>/dev/null) || fail "build: no .NET SDK that suits global.json (10.0.100 or newer) was found; 'dotnet --list-sdks' shows what is there."
  [[ ${version%%.*} -ge 10 ]] || fail "build: the .NET 10 SDK is needed, but dotnet is $version."
}

# --- Verbs -----------------------------------------------------------------------------------------------------------

native() {
  local rid="" allow_gcc="" arguments=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --rid) [[ $# -ge 2 ]] || fail "native: --rid needs a runtime identifier, such as linux-x64"; rid=$2; arguments+=("-DRID=$rid"); shift 2 ;;
      --allow-gcc) allow_gcc=yes; arguments+=(-DALLOW_GCC=ON); shift ;;
      *) fail "native: unknown option '$1'. Try: ./build.sh help" ;;
    esac
  done
  install_tools "$rid" "$allow_gcc"
  [[ -t 1 ]] || arguments+=(-DQUIET=ON)
  cmake ${arguments[@]+"${arguments[@]}"} -P cmake/native.cmake
}

bindings() {
  install_tools "" ""
  cmake -P cmake/bindings.cmake
}

build() {
  require_dotnet
  native
  dotnet build "$solution" -c Release -nodeReuse:false -v quiet -clp:Summary
  # Relative, so that it still points to the tool when the checkout has moved.
  ln -sfn "$(compile_tool || echo OnnxStream.Interop.Cli/release/onnxstream)" "$tool"
  echo "build: $tool is ready"
}

# Compiles the tool ahead of time, for this very processor: 30 MiB less memory than where .NET compiles while it runs, and a quicker
# start. Prints where it is, from artifacts/bin. Without a compiler package or a linker, the tool that .NET compiles is used.
compile_tool() {
  local rid log=artifacts/aot.log properties=()
  rid=$(host_rid) || return 1
  read -r -a properties <<<"$(compiler_properties "$rid")"
  local compiled=artifacts/bin/onnxstream-$rid/onnxstream
  if [[ -x $compiled && -z $(find artifacts/bin/OnnxStream.Interop.Cli/release artifacts/native -newer "$compiled" \( -name '*.dll' -o -name '*.so' -o -name '*.dylib' \) -print -quit) ]]; then
    echo "onnxstream-$rid/onnxstream"
    return
  fi
  if ! dotnet publish src/OnnxStream.Interop.Cli -c Release -r "$rid" -p:IlcInstructionSet=native ${properties[@]+"${properties[@]}"} \
      -nodeReuse:false -v quiet -o artifacts/bin/onnxstream-"$rid" >"$log" 2>&1; then
    echo "build: the tool could not be compiled ahead of time ($log says why); it runs with more memory" >&2
    return 1
  fi
  echo "onnxstream-$rid/onnxstream"
}

# Prints MSBuild's properties for compiling a program ahead of time for RID, in one line.
compiler_properties() {
  local rid=$1 properties
  [[ $(uname -s) != Darwin ]] || return 0
  properties="-p:CppCompilerAndLinker=$(find_clang || echo clang) -p:LinkerFlavor=lld"
  # objcopy splits off the symbols, and must know the other processor's files.
  [[ $rid != linux-arm64 || $(uname -m) == aarch64 ]] || properties+=" -p:ObjCopyName=aarch64-linux-gnu-objcopy"
  echo "$properties"
}

host_rid() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo linux-x64 ;;
    Linux-aarch64) echo linux-arm64 ;;
    Darwin-arm64) echo osx-arm64 ;;
    *) return 1 ;;
  esac
}

# The tool as others get it: for any processor of its kind, with its licences. Linux: for glibc 2.34 or newer, as the library.
publish() {
  local rid="" folder log properties=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --rid) [[ $# -ge 2 ]] || fail "publish: --rid needs a runtime identifier, such as linux-arm64"; rid=$2; shift 2 ;;
      *) fail "publish: unknown option '$1'. Try: ./build.sh help" ;;
    esac
  done
  [[ -n $rid ]] || rid=$(host_rid) || fail "publish: this machine's runtime identifier is unknown; say it with --rid"
  require_dotnet
  native --rid "$rid"
  folder=artifacts/publish/$rid
  log=artifacts/publish-$rid.log
  rm -rf "$folder" "artifacts/publish/symbols/$rid"
  mkdir -p "$folder" "artifacts/publish/symbols/$rid"
  read -r -a properties <<<"$(compiler_properties "$rid")"
  if ! dotnet publish src/OnnxStream.Interop.Cli -c Release -r "$rid" ${properties[@]+"${properties[@]}"} \
      -nodeReuse:false -v quiet -o "$folder" >"$log" 2>&1; then
    cat "$log" >&2
    fail "publish: the tool could not be compiled for $rid."
  fi
  # Trimming and compiling ahead of time warn of what may fail at run time: nothing may.
  ! grep -E 'warning (IL|NETSDK)' "$log" >&2 || fail "publish: the warnings above must go."
  find "$folder" -maxdepth 1 \( -name '*.dbg' -o -name '*.pdb' -o -name '*.dSYM' \) -exec mv {} "artifacts/publish/symbols/$rid/" \;
  chmod 0755 "$folder"/onnxstream* "$folder"/*.so "$folder"/*.dylib 2>/dev/null || true
  cp LICENSE THIRD-PARTY-NOTICES.txt "$folder/"
  if [[ $rid == linux-* ]]; then
    cmake -DLIBRARY="$folder/onnxstream" -DMAXIMUM_BYTES=20000000 -DGLIBC_FLOOR=2.34 -P cmake/check-program.cmake
  fi
  tar -C artifacts/publish -czf "artifacts/publish/onnxstream-$rid.tar.gz" "$rid"
  echo "publish: $folder is ready, and artifacts/publish/onnxstream-$rid.tar.gz"
}

# What the tests of packages need: the packages, and an emulator of 64-bit ARM. Packing compiles the tool twice, so packages are kept in
# the cache by what they are made from. Without them, or without the emulator, those tests are skipped and say so.
prepare_package_tests() {
  local key cached
  if [[ $(host_rid) == linux-x64 ]] && ! have qemu-aarch64-static && have apt-get && [[ $(id -u) == 0 ]]; then
    install_for_tests qemu-user-static "tests for ARM are skipped"
  fi
  if [[ $(host_rid) == linux-x64 && ! -d /usr/aarch64-linux-gnu/include && $(id -u) != 0 ]]; then
    echo "test: packages for ARM need crossbuild-essential-arm64, which only root can install: tests of packages are skipped" >&2
    return
  fi
  native >/dev/null
  [[ $(host_rid) != linux-x64 ]] || native --rid linux-arm64
  key=$({
    dotnet --version
    find src bindings packaging cmake native artifacts/native build.sh ./*.props ./*.targets README.md LICENSE THIRD-PARTY-NOTICES.txt \
      -type f -print0 | sort -z | xargs -0 cat
  } | hash_of)
  cached=$(cache_folder)/packages/$key
  if [[ -d $cached ]]; then
    rm -rf artifacts/packages
    mkdir -p artifacts
    cp -R "$cached" artifacts/packages
    echo "test: packages from $cached"
    return
  fi
  mkdir -p artifacts
  ./build.sh pack >artifacts/pack.log 2>&1 || { cat artifacts/pack.log >&2; fail "test: the packages could not be made."; }
  rm -rf "$(cache_folder)/packages"
  mkdir -p "$(cache_folder)/packages"
  cp -R artifacts/packages "$cached.incoming" && mv "$cached.incoming" "$cached"
}

hash_of() {
  if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -c 1-20
}

cache_folder() {
  echo "${ONNXSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onnxstream-interop}"
}

# The test cases of the ONNX project. Tests that need them say so and are skipped where they cannot be had.
install_test_cases() {
  local package=libonnx-testdata
  if [[ -n ${ONNXSTREAM_ONNX_TESTDATA:-} || -d /usr/share/$package/data ]] || ! have apt-get || [[ $(id -u) != 0 ]]; then
    return 0
  fi
  install_for_tests "$package" "the test cases of the ONNX project are skipped"
}

# Installs a Debian package that some tests need; says what follows where that fails. The lists of packages may be missing or old.
install_for_tests() {
  local package=$1 otherwise=$2
  echo "test: installing $package with apt-get"
  if ! { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" ||
      { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"; }; } >/dev/null 2>&1; then
    echo "test: apt-get could not install $package; $otherwise" >&2
  fi
}

test_() {
  local results=artifacts/test-results project name ended_well files=() failed_runs=0 summary
  build
  install_test_cases
  # Options choose among tests: those of packages then take the packages that are there.
  [[ $# -gt 0 ]] || prepare_package_tests
  rm -rf "$results"
  for project in tests/*/*.Tests.csproj; do
    name=$(basename "$project" .csproj)
    if dotnet test "artifacts/bin/$name/release/$name.dll" --results-directory "$results" \
        --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" "$@"; then
      ended_well=yes
    else
      # Failed tests are in the results; that a process died on its way to them is not.
      ended_well=$(grep -sl 'outcome="Failed"' "$results/$name.trx" || true)
    fi
    if [[ -f $results/$name.trx ]]; then
      files+=("$results/$name.trx")
    fi
    if [[ $# -eq 0 ]] && ! grep -qs '<UnitTestResult ' "$results/$name.trx"; then
      ended_well=""
    fi
    if [[ -z $ended_well ]]; then
      echo "test: the tests of $name did not run, or not to their end" >&2
      failed_runs=$((failed_runs + 1))
    fi
  done
  [[ ${#files[@]} -gt 0 ]] || fail "test: no test project left a result"
  summary=$(awk -v failed_runs="$failed_runs" -f tests/summary.awk "${files[@]}")
  echo "$summary"
  [[ $(tail -n 1 <<<"$summary") =~ ^[1-9][0-9]*\ passed,\ 0\ failed, ]]
}

demo() {
  build
  # Where .NET was installed by hand, only `dotnet` itself knows where it is.
  [[ -n ${DOTNET_ROOT:-} ]] || export DOTNET_ROOT="$(dirname "$(readlink -f "$(command -v dotnet)")")"
  mkdir -p artifacts/demo
  "$tool" sd "${1:-$default_prompt}" --model "$demo_model" --count 4 --grid --seed 1 --enlarge 4 --output artifacts/demo/picture.png
}

# All packages, for this machine and those that it can build for: the native ones for every library in artifacts/native, which may also
# have been collected there from other machines.
pack() {
  local rid host folder=artifacts/packages options tool_rids properties=()
  require_dotnet
  host=$(host_rid) || fail "pack: this machine's runtime identifier is unknown"
  native --rid "$host"
  [[ $host != linux-x64 ]] || native --rid linux-arm64
  rm -rf "$folder"
  mkdir -p "$folder"
  # What an earlier version published would go into the package of the tool as well.
  rm -rf artifacts/pack/publish
  # Apart from the build: paths in packages are those of the repository, not of this machine.
  options=(-c Release -nodeReuse:false -v quiet -p:ContinuousIntegrationBuild=true "-p:ArtifactsPath=$PWD/artifacts/pack" -o "$folder")
  for rid in artifacts/native/*/; do
    dotnet pack "packaging/OnnxStream.Interop.Native.$(basename "$rid").csproj" "${options[@]}"
  done
  dotnet pack packaging/OnnxStream.Interop.Native.csproj "${options[@]}"
  dotnet pack src/OnnxStream.Interop.Diffusion "${options[@]}"
  dotnet pack src/OnnxStream.Interop "${options[@]}"
  dotnet pack bindings "${options[@]}"
  # The tool is compiled for each platform by a machine that can; all others get the one for .NET's runtime.
  tool_rids="$host;any"
  [[ $host != linux-x64 ]] || tool_rids="linux-x64;linux-arm64;any"
  for rid in ${tool_rids//;/ }; do
    properties=()
    [[ $rid == any ]] || read -r -a properties <<<"$(compiler_properties "$rid")"
    dotnet pack src/OnnxStream.Interop.Cli -r "$rid" "-p:ToolRids=\"$tool_rids\"" ${properties[@]+"${properties[@]}"} "${options[@]}"
  done
  dotnet pack src/OnnxStream.Interop.Cli "-p:ToolRids=\"$tool_rids\"" "${options[@]}"
  ls -l "$folder"
}

bench() {
  [[ -d $benchmarks ]] || fail "bench: there is no benchmarks project ($benchmarks)."
  build
  dotnet run --project "$benchmarks" -c Release --no-build -- "$@"
}

fuzz() {
  [[ -d $fuzzing ]] || fail "fuzz: there is no fuzzing project ($fuzzing)."
  build
  install_test_cases
  dotnet run --project "$fuzzing" -c Release --no-build -- "$@"
}

clean() {
  rm -rf artifacts
}

verb=${1:-help}
[[ $# -gt 0 ]] && shift
case $verb in
  native | bindings | build | demo | publish | pack | bench | fuzz | clean) "$verb" "$@" ;;
  test) test_ "$@" ;;
  help | -h | --help) help ;;
  *) help >&2; fail "build.sh: unknown verb '$verb'" ;;
esac
