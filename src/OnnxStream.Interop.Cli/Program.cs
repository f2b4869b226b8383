using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        using CancellationTokenSource cancellation = new();

        // The first signal asks for a clean end; a second one finds no handler that holds it back and ends the process.
        void Cancel(PosixSignalContext context)
        {
            context.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        return CommandLine.Invoke(args, Console.Out, Console.Error, cancellation.Token);
    }
}
