# Every verb of the build on Windows: the same as build.sh, which is the one that runs elsewhere.
# Thin: the work is in CMake (cmake/native.cmake) and MSBuild. `.\build.ps1 help` lists the verbs.
[CmdletBinding(PositionalBinding = $false)]
param(
    [Parameter(Position = 0)] [string] $Verb = 'help',
    [Parameter(Position = 1, ValueFromRemainingArguments)] [string[]] $Arguments = @()
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot

$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_GENERATE_ASPNET_CERTIFICATE = 'false'
# A compiler or MSBuild server that outlives the build would hold its caller's pipes open.
$env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_USE_MSBUILD_SERVER = '0'
$env:UseSharedCompilation = 'false'

$Solution = 'OnnxStream.Interop.sln'
$Tool = 'artifacts/bin/onnxstream.cmd'
$Benchmarks = 'tests/OnnxStream.Interop.Benchmarks'
$Fuzzing = 'tests/OnnxStream.Interop.Fuzzing'
$DemoModel = 'src/OnnxStream.Interop.Diffusion/Models/tiny-shapes'
$DefaultPrompt = 'a yellow star on a blue background'

function Show-Help {
    @"
Usage: .\build.ps1 VERB

  native [--rid RID]            get and build XNNPACK (taken from the cache where it was built before)
  bindings                      regenerate bindings/Generated from the headers of XNNPACK
  build                         native, then the solution; leaves the tool at $Tool
  test [DOTNET-TEST-OPTION ...] build, then all tests
  demo ["PROMPT"]               build, then pictures from text with the model that ships in this repository
  publish [--rid RID]           the tool for other machines: compiled ahead of time, in artifacts/publish
  pack                          NuGet packages in artifacts/packages
"@
    if (Test-Path $Fuzzing) { '  fuzz [OPTION ...]             build, then mutated files, --files of them (docs/reliability.md)' }
    if (Test-Path $Benchmarks) { '  bench [OPTION ...]            build, then the benchmarks' }
    @"
  clean                         remove artifacts/ (not the cache of native libraries)
  help                          this text

Environment: ONNXSTREAM_CACHE  where sources and native libraries are kept (%LOCALAPPDATA%\onnxstream-interop)
             ONNXSTREAM_SOURCES=auto|git  where sources come from
             ONNXSTREAM_ONNX_TESTDATA  a folder with the test cases of the ONNX project
"@
}

function Stop-Build([string] $Message) {
    [Console]::Error.WriteLine($Message)
    exit 1
}

# Runs a program; what it prints is the caller's, and a bad exit code ends the build.
function Invoke-Program([string] $Program, [string[]] $ProgramArguments) {
    & $Program @ProgramArguments
    if ($LASTEXITCODE -ne 0) { Stop-Build "build: $Program ended with exit code $LASTEXITCODE" }
}

function Test-Tool([string] $Name) {
    $null -ne (Get-Command $Name -CommandType Application -ErrorAction SilentlyContinue)
}

function Assert-Tools {
    $missing = @()
    if (-not (Test-Tool clang-cl) -and -not (Test-Path "$env:ProgramFiles\LLVM\bin\clang-cl.exe")) { $missing += 'LLVM.LLVM' }
    if (-not (Test-Tool ninja)) { $missing += 'Ninja-build.Ninja' }
    if (-not (Test-Tool cmake)) { $missing += 'Kitware.CMake' }
    if (-not (Test-Tool python)) { $missing += 'Python.Python.3.13' }
    if ($missing.Count -gt 0) {
        Stop-Build "tools: missing. Install with: winget install $($missing -join ' ')`nand run this in a 'Developer PowerShell for Visual Studio' (the Windows SDK is needed too)."
    }
}

function Assert-Dotnet {
    if (-not (Test-Tool dotnet)) { Stop-Build 'build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0' }
    $version = & dotnet --version
    if ($LASTEXITCODE -ne 0 -or [int]($version -split '\.')[0] -lt 10) { Stop-Build "build: the .NET 10 SDK is needed, but dotnet is $version." }
}

function Invoke-Native([string[]] $Options) {
    $cmakeArguments = @()
    for ($i = 0; $i -lt $Options.Count; $i++) {
        if ($Options[$i] -eq '--rid' -and $i + 1 -lt $Options.Count) { $cmakeArguments += "-DRID=$($Options[++$i])" }
        else { Stop-Build "native: unknown option '$($Options[$i])'. Try: .\build.ps1 help" }
    }
    Assert-Tools
    if ([Console]::IsOutputRedirected) { $cmakeArguments += '-DQUIET=ON' }
    Invoke-Program cmake ($cmakeArguments + @('-P', 'cmake/native.cmake'))
}

function Invoke-Bindings {
    Assert-Tools
    Invoke-Program cmake @('-P', 'cmake/bindings.cmake')
}

function Invoke-Build {
    Assert-Dotnet
    Invoke-Native @()
    Invoke-Program dotnet @('build', $Solution, '-c', 'Release', '-nodeReuse:false', '-v', 'quiet', '-clp:Summary')
    Set-Content -Path $Tool -Encoding Ascii -Value '@"%~dp0OnnxStream.Interop.Cli\release\onnxstream.exe" %*'
    "build: $Tool is ready"
}

function Invoke-Test([string[]] $Options) {
    Invoke-Build
    $results = 'artifacts/test-results'
    if (Test-Path $results) { Remove-Item $results -Recurse -Force }
    $passed = 0
    $failed = 0
    $skipped = @()
    foreach ($project in Get-ChildItem tests/*/*.Tests.csproj) {
        $name = $project.BaseName
        & dotnet test "artifacts/bin/$name/release/$name.dll" --results-directory $results `
            --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal' @Options
        $endedWell = $LASTEXITCODE -eq 0
        $tests = @()
        if (Test-Path "$results/$name.trx") {
            [xml] $trx = Get-Content "$results/$name.trx" -Raw -Encoding UTF8
            $tests = @($trx.SelectNodes("//*[local-name()='UnitTestResult']"))
        }
        $failedHere = 0
        foreach ($test in $tests) {
            switch ($test.GetAttribute('outcome')) {
                'Passed' { $passed++ }
                { $_ -in 'NotExecuted', 'Inconclusive' } {
                    $message = $test.SelectSingleNode(".//*[local-name()='Message']")
                    $reason = if ($null -eq $message) { 'no reason given' } else { $message.InnerText -replace '\s*[\r\n]+\s*', ' ' }
                    $skipped += "  $($test.GetAttribute('testName')): $reason"
                }
                # Failed, Error, Timeout, Aborted, or something new: never counted as good.
                default { $failedHere++ }
            }
        }
        if ((-not $endedWell -and $failedHere -eq 0) -or ($tests.Count -eq 0 -and $Options.Count -eq 0)) {
            "test: the tests of $name did not run, or not to their end"
            $failedHere++
        }
        $failed += $failedHere
    }
    if ($skipped.Count -gt 0) { 'Skipped:'; $skipped }
    "$passed passed, $failed failed, $($skipped.Count) skipped"
    if ($failed -gt 0 -or $passed -eq 0) { exit 1 }
}

function Invoke-Demo([string[]] $Options) {
    Invoke-Build
    $prompt = if ($Options.Count -gt 0) { $Options[0] } else { $DefaultPrompt }
    New-Item -ItemType Directory -Force artifacts/demo | Out-Null
    Invoke-Program 'artifacts/bin/OnnxStream.Interop.Cli/release/onnxstream.exe' @(
        'sd', $prompt, '--model', $DemoModel, '--count', '4', '--grid', '--seed', '1', '--enlarge', '4', '--output', 'artifacts/demo/picture.png')
}

# The tool as others get it: for any processor of its kind, with its licences.
function Invoke-Publish([string[]] $Options) {
    $rid = 'win-x64'
    for ($i = 0; $i -lt $Options.Count; $i++) {
        if ($Options[$i] -eq '--rid' -and $i + 1 -lt $Options.Count) { $rid = $Options[++$i] }
        else { Stop-Build "publish: unknown option '$($Options[$i])'. Try: .\build.ps1 help" }
    }
    Assert-Dotnet
    Invoke-Native @('--rid', $rid)
    $folder = "artifacts/publish/$rid"
    if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
    Invoke-Program dotnet @('publish', 'src/OnnxStream.Interop.Cli', '-c', 'Release', '-r', $rid, '-nodeReuse:false', '-v', 'quiet', '-o', $folder)
    New-Item -ItemType Directory -Force "artifacts/publish/symbols/$rid" | Out-Null
    Get-ChildItem "$folder/*.pdb" | Move-Item -Destination "artifacts/publish/symbols/$rid" -Force
    Copy-Item LICENSE, THIRD-PARTY-NOTICES.txt $folder
    "publish: $folder is ready"
}

# All packages, for the libraries in artifacts/native: that of this machine, and those collected there from others.
function Invoke-Pack {
    Assert-Dotnet
    Invoke-Native @()
    $folder = 'artifacts/packages'
    if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
    $options = @('-c', 'Release', '-nodeReuse:false', '-v', 'quiet', '-p:ContinuousIntegrationBuild=true', "-p:ArtifactsPath=$PSScriptRoot/artifacts/pack", '-o', $folder)
    foreach ($native in Get-ChildItem artifacts/native -Directory) {
        Invoke-Program dotnet (@('pack', "packaging/OnnxStream.Interop.Native.$($native.Name).csproj") + $options)
    }
    foreach ($project in 'packaging/OnnxStream.Interop.Native.csproj', 'src/OnnxStream.Interop.Diffusion', 'src/OnnxStream.Interop', 'bindings') {
        Invoke-Program dotnet (@('pack', $project) + $options)
    }
    $toolRids = '-p:ToolRids="win-x64;any"'
    foreach ($rid in 'win-x64', 'any') {
        Invoke-Program dotnet (@('pack', 'src/OnnxStream.Interop.Cli', '-r', $rid, $toolRids) + $options)
    }
    Invoke-Program dotnet (@('pack', 'src/OnnxStream.Interop.Cli', $toolRids) + $options)
    Get-ChildItem $folder | Select-Object Length, Name
}

function Invoke-Bench([string[]] $Options) {
    if (-not (Test-Path $Benchmarks)) { Stop-Build "bench: there is no benchmarks project ($Benchmarks)." }
    Invoke-Build
    Invoke-Program dotnet (@('run', '--project', $Benchmarks, '-c', 'Release', '--no-build', '--') + $Options)
}

function Invoke-Fuzz([string[]] $Options) {
    if (-not (Test-Path $Fuzzing)) { Stop-Build "fuzz: there is no fuzzing project ($Fuzzing)." }
    Invoke-Build
    Invoke-Program dotnet (@('run', '--project', $Fuzzing, '-c', 'Release', '--no-build', '--') + $Options)
}

switch ($Verb) {
    'native' { Invoke-Native $Arguments }
    'bindings' { Invoke-Bindings }
    'build' { Invoke-Build }
    'test' { Invoke-Test $Arguments }
    'demo' { Invoke-Demo $Arguments }
    'publish' { Invoke-Publish $Arguments }
    'pack' { Invoke-Pack }
    'bench' { Invoke-Bench $Arguments }
    'fuzz' { Invoke-Fuzz $Arguments }
    'clean' { if (Test-Path artifacts) { Remove-Item artifacts -Recurse -Force } }
    { $_ -in 'help', '-h', '--help' } { Show-Help }
    default { Show-Help; Stop-Build "build.ps1: unknown verb '$Verb'" }
}
