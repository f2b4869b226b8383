using System.Text.Json;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>Where the demo model and what belongs to it lie beside the tests.</summary>
internal static class TinyShapesModel
{
    /// <summary>The model, with float16 weights.</summary>
    public static string Folder { get; } = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-shapes");

    /// <summary>The prompts of the golden data.</summary>
    public static string[] Prompts { get; } =
        [.. JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "golden", "prompts.json"))).RootElement.EnumerateArray().Select(prompt => prompt.GetString()!)];

    /// <summary>A pipeline that computes on one thread: the networks are too small to be worth the threads' meeting after each step.</summary>
    public static StableDiffusionPipeline Pipeline(SessionOptions? options = null) => StableDiffusionPipeline.FromFolder(Folder, (options ?? new SessionOptions()) with { ThreadCount = 1 });

    public static TensorBuffer Golden(string name) => NpyFile.Read(Path.Combine(Folder, "golden", name + ".npy"));

    /// <summary>One item of a golden array, as a batch of one.</summary>
    public static TensorBuffer Golden(string name, int index) => TensorBatch.Item(Golden(name), index);

    /// <summary>The golden ids of a prompt.</summary>
    public static long[] GoldenIds(int index)
    {
        TensorBuffer ids = Golden("input_ids");
        return ids.Span<long>().Slice(index * (int)ids.Shape[1], (int)ids.Shape[1]).ToArray();
    }

    public static string Model(string role) => Path.Combine(Folder, role, "model.onnx");

    /// <summary>
    /// The network with float32 weights: from the folder that ONNXSTREAM_TINY_F32 names, or one of the two small ones beside the
    /// tests; null where there is none (the UNET's is too large for the repository).
    /// </summary>
    public static string? ModelWithFloat32Weights(string role)
    {
        string committed = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-shapes-f32");
        string path = Path.Combine(Environment.GetEnvironmentVariable("ONNXSTREAM_TINY_F32") ?? committed, role, "model.onnx");
        return File.Exists(path) ? path : null;
    }

    /// <summary>The root mean square of the differences, relative to that of what is expected.</summary>
    public static double RelativeError(TensorBuffer actual, TensorBuffer expected)
    {
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape));
        double difference = 0, size = 0;
        for (int i = 0; i < expected.Shape.ElementCount; i++)
        {
            double a = actual.Span<float>()[i], e = expected.Span<float>()[i];
            difference += (a - e) * (a - e);
            size += e * e;
        }

        return Math.Sqrt(difference / size);
    }
}
