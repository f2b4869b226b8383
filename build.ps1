# Every verb of the build on Windows: the same as build.sh, which is the one that runs elsewhere. Starts the program in
# src/OnnxStream.Interop.Build, and compiles it first where it has changed. `.\build.ps1 help` lists the verbs.
# No parameters are declared: all arguments reach the program as they are.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_GENERATE_ASPNET_CERTIFICATE = 'false'
# A compiler or MSBuild server that outlives the build would hold its caller's pipes open.
$env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_USE_MSBUILD_SERVER = '0'
$env:UseSharedCompilation = 'false'

function Stop-Build([string] $Message) {
    [Console]::Error.WriteLine($Message)
    exit 1
}

Push-Location $PSScriptRoot
try {
    $project = 'src/OnnxStream.Interop.Build'
    # Apart from what the program builds: that includes the program, and Windows locks the files of one that runs.
    $artifacts = "$PSScriptRoot/artifacts/build-program"
    $program = "$artifacts/bin/OnnxStream.Interop.Build/release/OnnxStream.Interop.Build.dll"

    if ($null -eq (Get-Command dotnet -CommandType Application -ErrorAction SilentlyContinue)) {
        Stop-Build 'build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0'
    }
    $inputs = @(Get-Item $project, global.json, Directory.*) + @(Get-ChildItem $project -Recurse)
    if (-not (Test-Path $program) -or ($inputs | Where-Object LastWriteTime -gt (Get-Item $program).LastWriteTime)) {
        $version = & dotnet --version
        if ($LASTEXITCODE -ne 0) {
            Stop-Build "build: no .NET SDK that suits global.json (10.0.100 or newer) was found; 'dotnet --list-sdks' shows what is there."
        }
        if ([int]($version -split '\.')[0] -lt 10) { Stop-Build "build: the .NET 10 SDK is needed, but dotnet is $version." }
        # Code is analyzed where the solution is built.
        & dotnet msbuild $project -restore -p:Configuration=Release "-p:ArtifactsPath=$artifacts" -p:RunAnalyzers=false -nodeReuse:false -v:quiet
        if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
        (Get-Item $program).LastWriteTime = Get-Date
    }
    & dotnet $program @args
    exit $LASTEXITCODE
}
finally {
    Pop-Location
}
