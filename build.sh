#!/usr/bin/env bash
# Every verb of the build, for people and for CI alike. Starts the program in src/OnnxStream.Interop.Build, and compiles it first
# where it has changed. `./build.sh help` lists the verbs; build.ps1 does the same for Windows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
# A compiler or MSBuild server that outlives the build would hold its caller's pipes open.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false

fail() {
  echo "$*" >&2
  exit 1
}

project=src/OnnxStream.Interop.Build
# Apart from what the program builds: that includes the program.
artifacts=$PWD/artifacts/build-program
program=$artifacts/bin/OnnxStream.Interop.Build/release/OnnxStream.Interop.Build.dll

command -v dotnet >/dev/null 2>&1 || fail "build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0"
if [[ ! -f $program || -n $(find "$project" global.json Directory.* -newer "$program") ]]; then
  version=$(dotnet --version 2>/dev/null) || fail "build: no .NET SDK that suits global.json (10.0.100 or newer) was found; 'dotnet --list-sdks' shows what is there."
  [[ ${version%%.*} -ge 10 ]] || fail "build: the .NET 10 SDK is needed, but dotnet is $version."
  # Code is analyzed where the solution is built.
  dotnet msbuild "$project" -restore -p:Configuration=Release "-p:ArtifactsPath=$artifacts" -p:RunAnalyzers=false -nodeReuse:false -v:quiet >&2
  touch "$program"
fi
exec dotnet "$program" "$@"
