using System.Diagnostics;

namespace OnnxStream.Interop.Cli.Tests.Commands;

/// <summary>Files that become shorter while a process computes with them: it ends with a line and an exit code, not with a signal.</summary>
internal sealed class ChangingFilesTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    // Weights that are read whole, and weights of which rows are read.
    [TestCase("nocache", 400_000, false)]
    [TestCase("prefetch", 400_000, false)]
    [TestCase("nocache", 1_000_000, false)]
    [TestCase("prefetch", 1_000_000, false)]
    [TestCase("prefetch", 400_000, true)]
    public void A_process_survives_them(string weights, int columns, bool store)
    {
        for (int round = 0; round < 3; round++)
        {
            using TemporaryFolder folder = new();
            string model = TinyModel.Write(folder, columns: columns);
            string panels = folder["weights.panels"];
            string[] arguments = ["run", model, "--weights", weights, "--repeat", "100000", "--threads", "2", .. store ? (string[])["--panel-store", panels] : []];
            Random random = new(round);
            using Process process = Start(arguments);
            string errors = "";
            while (!errors.Contains("run 3/", StringComparison.Ordinal))
            {
                errors += (process.StandardError.ReadLine() ?? throw new InvalidOperationException($"The process has ended: {errors}")) + "\n";
            }

            Task<string> rest = process.StandardError.ReadToEndAsync();
            Thread.Sleep(random.Next(40));
            using (FileStream file = new(store ? panels : model, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                file.SetLength((long)(file.Length * random.NextDouble()));
            }

            bool ended = process.WaitForExit(s_limit);
            if (!ended)
            {
                process.Kill();
            }

            // A signal would be 128 and its number: 135 for SIGBUS.
            Assert.That(ended, Is.True);
            string last = rest.GetAwaiter().GetResult().TrimEnd().Split('\n')[^1];
            Assert.That(process.ExitCode, Is.EqualTo(ExitCode.BadInput), last);
            Assert.That(last, Does.StartWith("onnxstream: ").And.Contain(store ? panels : model).And.Contain("the weight file"));
        }
    }

    private static Process Start(string[] arguments)
    {
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        ProcessStartInfo start = new(host, [typeof(CommandLine).Assembly.Location, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        return Process.Start(start)!;
    }
}
