namespace OnnxStream.Interop.Build;

internal static class Program
{
    private static int Main(string[] args)
    {
        // All paths of this program start at the root of the repository.
        Environment.CurrentDirectory = Repository.FindRoot(AppContext.BaseDirectory);
        return CommandLine.Invoke(BuildHost.Current, args, Console.Out, Console.Error);
    }
}
