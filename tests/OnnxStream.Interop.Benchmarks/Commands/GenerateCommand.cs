using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>generate</c>: makes the networks and says where they are.</summary>
internal sealed class GenerateCommand : Command
{
    public GenerateCommand()
        : base("generate", "Only make the networks, and print where they are.") =>
        SetAction(_ =>
        {
            foreach (Network network in Network.Published)
            {
                Console.WriteLine(ModelCache.Default.Ensure(network, Console.Error.WriteLine));
            }
        });
}
