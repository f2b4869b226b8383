using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Commands;

namespace OnnxStream.Interop.Benchmarks;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            return new CompareCommand().Parse(arguments).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception exception) when (exception is ArgumentException or IOException)
        {
            Console.Error.WriteLine(exception.Message);
            return 2;
        }
    }
}
