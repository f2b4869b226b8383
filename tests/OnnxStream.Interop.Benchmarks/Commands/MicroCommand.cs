using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>micro</c>: BenchmarkDotNet measures single layers; its options follow.</summary>
internal sealed class MicroCommand : Command
{
    private static readonly TimeInterval s_iterationTime = TimeInterval.FromMilliseconds(250);

    public MicroCommand()
        : base("micro", "Measure single layers with BenchmarkDotNet, whose options follow, such as --filter '*Attention*'. Without options: all of them.")
    {
        TreatUnmatchedTokensAsErrors = false;
        SetAction(arguments =>
        {
            // In this process: a layer takes milliseconds, so nothing is gained by one for each case.
            IConfig config = ManualConfig.Create(DefaultConfig.Instance)
                .AddJob(Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance).WithWarmupCount(1).WithIterationCount(8).WithIterationTime(s_iterationTime))
                .HideColumns("Job", "Toolchain", "IterationCount", "IterationTime", "WarmupCount")
                .WithArtifactsPath(Path.Combine("artifacts", "benchmarks", "micro"));
            string[] options = arguments.UnmatchedTokens.Count == 0 ? ["--filter", "*"] : [.. arguments.UnmatchedTokens];
            BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly).Run(options, config);
        });
    }
}
