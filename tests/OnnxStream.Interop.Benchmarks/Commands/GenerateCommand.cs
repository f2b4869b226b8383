using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>generate</c>: makes the networks and says where they are.</summary>
internal sealed class GenerateCommand : Command
{
    public GenerateCommand()
        : base("generate", "Only make the networks, and print where they are.") =>
        SetAction((_, cancellationToken) =>
        {
            foreach (Network network in Network.Published)
            {
                Console.WriteLine(new Sd15Model(network, Sd15Model.UserCache).Ensure(Console.Error.WriteLine, cancellationToken));
            }

            return Task.CompletedTask;
        });
}
