using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Readme;

/// <summary>The example in README.md, compiled and run as it stands there.</summary>
public class ReadmeTests
{
    [Test]
    public void ExampleRuns()
    {
        string models = Repository.PathOf("tests", "OnnxStream.Interop.Tests", "Models", "sd15");
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(models, "text_encoder_dynamic.onnx"), folder["model.onnx"]);
        foreach (string weights in Directory.GetFiles(models, "*.weights"))
        {
            File.Copy(weights, folder[Path.GetFileName(weights)]);
        }

        string before = Environment.CurrentDirectory;
        TextWriter console = Console.Out;
        using StringWriter output = new();
        try
        {
            Environment.CurrentDirectory = folder.Path;
            Console.SetOut(output);
            Example();
        }
        finally
        {
            Console.SetOut(console);
            Environment.CurrentDirectory = before;
        }

        Assert.That(output.ToString(), Does.Contain("input_ids: int64[").And.Contains("bytes streamed"));
    }

    [Test]
    public void ExampleStandsInReadme()
    {
        string[] readme = File.ReadAllLines(Repository.PathOf("README.md"));
        int first = Array.IndexOf(readme, "```csharp") + 1;
        string[] block = readme[first..Array.IndexOf(readme, "```", first)];
        string[] source = File.ReadAllLines(SourcePath());
        int begin = Array.FindIndex(source, line => line.Trim() == "// <example>") + 1;
        string[] example = [.. source[begin..Array.FindIndex(source, line => line.Trim() == "// </example>")].Select(line => line.Length > 8 ? line[8..] : line.Trim())];
        Assert.That(block.SkipWhile(line => line.StartsWith("using OnnxStream", StringComparison.Ordinal) || line.Length == 0), Is.EqualTo(example));
    }

    private static void Example()
    {
        // <example>
        using WeightsProvider weights = WeightsProvider.DiskPrefetch(windowBytes: 16 << 20);
        using InferenceSession session = new("model.onnx", new SessionOptions { ThreadCount = 2, WeightsProvider = weights });
        foreach (ValueMetadata input in session.Inputs)
        {
            Console.WriteLine(input);
        }

        TensorBuffer ids = TensorBuffer.Create<long>([198, 32, 68, 199], 1, 4);
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["input_ids"] = ids });
        ReadOnlySpan<float> states = result["last_hidden_state"].Span<float>();
        Console.WriteLine($"{states.Length} numbers in {result.Statistics.Duration}, {result.Statistics.WeightsBytesStreamed} bytes streamed");
        // </example>
    }

    private static string SourcePath() => Repository.PathOf("tests", "OnnxStream.Interop.Tests", "Readme", "ReadmeTests.cs");
}
