using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        ProcessorVariant.Become(args);
        using CancellationTokenSource cancellation = new();
        using ManualResetEventSlim ended = new();
        int exitCode = 0;

        // The first signal asks for a clean end; a second one finds no handler that holds it back and ends the process.
        void Cancel(PosixSignalContext context)
        {
            // A second Ctrl+C ends the tool.
            if (context.Signal == PosixSignal.SIGINT && InterruptibleWork.TryStop())
            {
                context.Cancel = true;
                return;
            }

            int code = context.Signal == PosixSignal.SIGTERM ? ExitCode.Terminated : ExitCode.Cancelled;
            if (Interlocked.CompareExchange(ref exitCode, code, 0) != 0)
            {
                return;
            }

            context.Cancel = true;
            _ = cancellation.CancelAsync();
            if (!ended.Wait(Patience.AfterSignal))
            {
                // What was being written is deleted (UnfinishedPath).
                Console.Error.WriteLine(CommandLine.Cancelled);
                Environment.Exit(code);
            }
        }

        // .NET hears signals, and prepares the console for writing, in a thread of its own. Where the system refuses it, signals end the process as they do
        // any other, and the streams are written to as they are.
        bool hasThreads = CanStartThreads();
        using PosixSignalRegistration? interrupt = hasThreads ? PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel) : null;
        using PosixSignalRegistration? terminate = hasThreads ? PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel) : null;
        int code = CommandLine.Invoke(args, hasThreads ? Console.Out : Open(1), hasThreads ? Console.Error : Open(2), cancellation.Token);
        ended.Set();
        return code == ExitCode.Cancelled && exitCode != 0 ? exitCode : code;
    }

    private static StreamWriter Open(int descriptor) =>
        new(new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };

    // One for signals, and one to spare.
    private static bool CanStartThreads()
    {
        using ManualResetEventSlim enough = new();
        List<Thread> started = [];
        try
        {
            for (int i = 0; i < 2; i++)
            {
                Thread thread = new(enough.Wait, maxStackSize: 128 << 10);
                thread.Start();
                started.Add(thread);
            }

            return true;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            return false;
        }
        finally
        {
            enough.Set();
            started.ForEach(thread => thread.Join());
        }
    }
}
