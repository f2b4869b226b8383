using System.CommandLine;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Benchmarks.Commands;

namespace OnnxStream.Interop.Benchmarks;

internal static class Program
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int BadInput = 2;
    private const int Cancelled = 130;

    private static int Main(string[] arguments)
    {
        using CancellationTokenSource cancellation = new();

        // The first signal ends the processes that were started and deletes temporary files; a second one ends this process.
        void Cancel(PosixSignalContext context)
        {
            context.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        InvocationConfiguration configuration = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        try
        {
            int exitCode = new CompareCommand().Parse(arguments).InvokeAsync(configuration, cancellation.Token).GetAwaiter().GetResult();
            return exitCode == Success ? Success : BadInput;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("cancelled.");
            return Cancelled;
        }
        catch (Exception exception) when (exception is ArgumentException or FileNotFoundException or DirectoryNotFoundException)
        {
            Console.Error.WriteLine(exception.Message);
            return BadInput;
        }
        catch (IOException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Failure;
        }
    }
}
