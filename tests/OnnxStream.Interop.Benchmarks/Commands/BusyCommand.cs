using System.CommandLine;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary>The hidden command of a process that computes until its standard input ends.</summary>
internal sealed class BusyCommand : Command
{
    /// <summary>The name of the command.</summary>
    public const string CommandName = "busy";

    public BusyCommand()
        : base(CommandName, "Compute until standard input ends.")
    {
        Hidden = true;
        SetAction(_ =>
        {
            Task<int> end = Task.Run(Console.In.Read);
            double value = 1;
            while (!end.IsCompleted)
            {
                for (int i = 0; i < 1_000_000; i++)
                {
                    value = Math.Sqrt(value + i);
                }
            }

            // Used, so that the loop is not optimized away.
            return double.IsNaN(value) ? 1 : 0;
        });
    }
}
