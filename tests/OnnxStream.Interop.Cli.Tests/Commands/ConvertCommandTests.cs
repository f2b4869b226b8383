using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class ConvertCommandTests
{
    [Test]
    public void Goes_there_and_back()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([1, 2, 3], 1, 3));
        Invocation there = Invocation.Of("convert", model, folder["text"]).AssertSucceeded();
        Assert.That(there.Output.TrimEnd(), Is.EqualTo(folder["text"]));
        Assert.That(File.Exists(Path.Combine(folder["text"], "model.txt")), Is.True);
        Invocation.Of("convert", folder["text"], folder["back.onnx"]).AssertSucceeded();

        foreach (string source in (string[])[folder["text"], folder["back.onnx"]])
        {
            Invocation.Of("run", source, "--input", $"x={folder["x.npy"]}", "--output-dir", folder["out"]).AssertSucceeded();
            TensorBuffer scores = NpyFile.Load(Path.Combine(folder["out"], "scores_0.npy"));
            Assert.That(scores.Span<float>().ToArray(), Is.EqualTo(new float[] { 14, 0 }), source);
        }
    }

    [Test]
    public void An_existing_destination_is_left_alone()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Directory.CreateDirectory(folder["full"]);
        File.WriteAllText(Path.Combine(folder["full"], "keep.txt"), "");
        File.WriteAllText(folder["old.onnx"], "keep");
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("convert", model, folder["full"]).AssertFailed(ExitCode.BadInput, "exists already");
            Invocation.Of("convert", model, folder["old.onnx"]).AssertFailed(ExitCode.BadInput, "exists already");
            Invocation.Of("convert", model, model).AssertFailed(ExitCode.BadInput, "exists already");
            Assert.That(File.ReadAllText(folder["old.onnx"]), Is.EqualTo("keep"));
        }
    }
}
