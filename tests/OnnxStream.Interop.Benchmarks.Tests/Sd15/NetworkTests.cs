using System.Numerics.Tensors;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Tests.Sd15;

/// <summary>The generator, with widths of a few channels, so that a run takes milliseconds.</summary>
public class NetworkTests
{
    private const int VocabularySize = 200;

    // The last two levels are equally wide, as published: a block that changes the width has a convolution more.
    private static readonly Network[] s_networks =
    [
        new TextEncoderNetwork { Width = 24, Heads = 3, InnerWidth = 40, VocabularySize = VocabularySize, TokenCount = 16 },
        new UnetNetwork { Channels = [8, 12, 16, 16], Heads = 2, Groups = 2, ContextWidth = 20, TokenCount = 16, Size = 8 },
        new UnetNetwork { Name = "unet_f16", Type = ElementType.Float16, Channels = [8, 12, 16, 16], Heads = 2, Groups = 2, ContextWidth = 20, TokenCount = 16, Size = 8 },
        new VaeDecoderNetwork { Channels = [6, 8, 12, 12], Groups = 2, Size = 8 },
    ];

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("onnxstream-tests-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("text_encoder", 672, "Add 159, Reshape 121, MatMul 96, Mul 61, Transpose 60, ReduceMean 50, Div 25, Pow 25, Sqrt 25, Sub 25, Sigmoid 12, Softmax 12, Gather 1")]
    [TestCase("unet", 2050, "Reshape 410, Add 345, Mul 237, MatMul 224, Transpose 192, Conv 98, ReduceMean 96, Div 64, InstanceNormalization 61, Pow 48, Sqrt 48, Sub 48, Sigmoid 47, Softmax 32, Gemm 24, Unsqueeze 23, Erf 16, Split 16, Concat 14, Resize 3, Slice 2, Cos 1, Sin 1")]
    [TestCase("vae_decoder", 276, "Reshape 64, Mul 60, Add 45, Conv 40, InstanceNormalization 30, Sigmoid 29, Resize 3, MatMul 2, Transpose 2, Softmax 1")]
    public void HasThePublishedOperators(string name, int nodes, string operators)
    {
        ModelSummary summary = Write(name).Summarize();
        Assert.That(summary.Operators.Sum(count => count.Count), Is.EqualTo(nodes));
        Assert.That(string.Join(", ", summary.Operators.Select(count => $"{count.OperatorType} {count.Count}")), Is.EqualTo(operators));
    }

    [Test]
    public void AgreesWithOnnxRuntime([Values("text_encoder", "unet", "vae_decoder")] string name, [Values] OnnxRuntimeMode mode)
    {
        Model model = Write(name);
        Dictionary<string, TensorBuffer> inputs = SampleInputs.Create(model, VocabularySize);
        using OnnxRuntimeSession onnxRuntime = new(model.Path, 1, mode, inputs);
        TensorBuffer expected = onnxRuntime.Run().Values.Single();
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2 });
        TensorBuffer actual = session.Run(inputs).Outputs.Values.Single();
        Assert.That(actual.Type, Is.EqualTo(expected.Type));
        Assert.That(TensorPrimitives.Distance<float>(actual.Span<float>(), expected.Span<float>()) / TensorPrimitives.Norm<float>(expected.Span<float>()), Is.LessThan(1e-4f));
    }

    // Weights and activations are half precision; the time's waves are not.
    [Test]
    public void HalfPrecisionAgreesWithOnnxRuntime()
    {
        Model model = Write("unet_f16");
        Assert.That(model.Summarize().Operators.Sum(count => count.Count), Is.EqualTo(2051));
        Dictionary<string, TensorBuffer> inputs = SampleInputs.Create(model);
        using OnnxRuntimeSession onnxRuntime = new(model.Path, 1, OnnxRuntimeMode.Default, inputs);
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2 });
        OutputSet expected = new(onnxRuntime.Run());
        Assert.That(new OutputSet(session.Run(inputs).Outputs).RelativeErrorTo(expected), Is.LessThan(1e-2));
    }

    [Test]
    public void ActivationsStayInASaneRange([Values("text_encoder", "unet", "vae_decoder")] string name)
    {
        Model model = Write(name);
        using InferenceSession session = new(model);
        TensorBuffer output = session.Run(SampleInputs.Create(model, VocabularySize)).Outputs.Values.Single();
        double rootMeanSquare = TensorPrimitives.Norm<float>(output.Span<float>()) / Math.Sqrt(output.Shape.ElementCount);
        Assert.That(rootMeanSquare, Is.InRange(0.1, 10));
    }

    [Test]
    public void IsTheSameEachTime()
    {
        Write("text_encoder");
        byte[] model = File.ReadAllBytes(Path.Combine(_folder, "model.onnx"));
        byte[] weights = File.ReadAllBytes(Path.Combine(_folder, "model.onnx.data"));
        Write("text_encoder");
        Assert.That(File.ReadAllBytes(Path.Combine(_folder, "model.onnx")).AsSpan().SequenceEqual(model), Is.True);
        Assert.That(File.ReadAllBytes(Path.Combine(_folder, "model.onnx.data")).AsSpan().SequenceEqual(weights), Is.True);
    }

    [Test]
    public void CacheKeepsANetwork()
    {
        Sd15Model model = new(s_networks[0], new ModelCache(_folder, "1"));
        List<string> reports = [];
        string path = model.Ensure(reports.Add, CancellationToken.None);
        Assert.That(reports, Has.Some.Contains("million parameters"));
        Assert.That(Model.Load(path).Inputs, Has.Count.EqualTo(1));
        Assert.That(model.InputFiles(_folder).Keys, Is.EqualTo(new[] { "input_ids" }));
    }

    private Model Write(string name)
    {
        s_networks.Single(network => network.Name == name).Write(_folder);
        return Model.Load(Path.Combine(_folder, "model.onnx"));
    }
}
