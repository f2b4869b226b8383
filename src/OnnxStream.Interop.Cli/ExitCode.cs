using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Cli;

/// <summary>What the tool tells the shell. <c>onnxstream --help</c> lists the same numbers.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>Something failed while running, or in the tool itself.</summary>
    public const int Failure = 1;

    /// <summary>The command line, a model or an input is wrong: trying again will not help, changing it will.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by Ctrl-C (SIGINT); 128 + 2, as shells report an interrupt.</summary>
    public const int Cancelled = 130;

    /// <summary>Stopped by SIGTERM; 128 + 15.</summary>
    public const int Terminated = 143;

    /// <summary>The exit code that fits an exception.</summary>
    public static int Of(Exception exception) => exception switch
    {
        OperationCanceledException => Cancelled,
        NativeMemoryException or XnnpackException => Failure,
        OnnxStreamException or UsageException or ContextLengthException or ChatTemplateException or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => BadInput,
        _ => Failure,
    };
}
