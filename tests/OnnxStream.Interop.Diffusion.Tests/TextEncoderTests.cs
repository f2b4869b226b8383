using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class TextEncoderTests
{
    // What rounding the weights to float16 may change.
    private const double Tolerance = 5e-4;

    [Test]
    public void Encode_GivesTheGoldenStates() => VerifyGolden(TinyShapesModel.Model("text_encoder"), Tolerance);

    [Test]
    public void Encode_GivesTheGoldenStatesWithFloat32Weights() =>
        VerifyGolden(TinyShapesModel.ModelWithFloat32Weights("text_encoder") ?? throw new FileNotFoundException("The float32 text encoder is missing."), 1e-4);

    [Test]
    public void Statistics_CountRuns()
    {
        using TextEncoder encoder = new(TinyShapesModel.Model("text_encoder"));
        _ = encoder.Encode([new long[16], new long[16]]);
        StageStatistics statistics = encoder.Statistics;
        Assert.Multiple(() =>
        {
            Assert.That(statistics.Stage, Is.EqualTo(PipelineStage.TextEncoding));
            Assert.That(statistics.RunCount, Is.EqualTo(1));
            Assert.That(statistics.WeightsBytesStreamed, Is.Positive);
            Assert.That(statistics.Duration, Is.GreaterThanOrEqualTo(statistics.RunDuration + statistics.LoadDuration));
        });
    }

    [Test]
    public void Constructor_RefusesAnotherModel() => Assert.That(
        () => new TextEncoder(TinyShapesModel.Model("unet")),
        Throws.TypeOf<ModelFormatException>().With.Message.Contains("token ids").And.Message.Contains("encoder_hidden_states"));

    // A model of its own, whose hidden states are the ids themselves.
    [TestCase("batch", ElementType.Int32)]
    [TestCase("batch", ElementType.Int64)]
    [TestCase(1, ElementType.Int32)]
    public void Encode_RunsAllAtOnceWhateverTheModelDeclares(object batch, ElementType type)
    {
        using TemporaryFolder folder = new();
        using TextEncoder encoder = new(new OnnxModelBuilder()
            .Input("input_ids", type, batch, "sequence")
            .Node("Cast", ["input_ids"], "last_hidden_state", ("to", 1))
            .Output("last_hidden_state", ElementType.Float32, batch, "sequence")
            .Save(folder.Combine("text_encoder/model.onnx")));
        IReadOnlyList<TensorBuffer> states = encoder.Encode([[1, 2, 3], [4, 5, 6]]);
        Assert.Multiple(() =>
        {
            Assert.That(encoder.Statistics.RunCount, Is.EqualTo(1));
            Assert.That(encoder.ContextLength, Is.Null);
            Assert.That(states[0].Span<float>().ToArray(), Is.EqualTo((float[])[1, 2, 3]));
            Assert.That(states[1].Span<float>().ToArray(), Is.EqualTo((float[])[4, 5, 6]));
        });
    }

    private static void VerifyGolden(string path, double tolerance)
    {
        using TextEncoder encoder = new(path);
        Assert.That(encoder.ContextLength, Is.EqualTo(16));
        long[][] ids = [.. Enumerable.Range(0, 4).Select(i => TinyShapesModel.GoldenIds(i))];
        IReadOnlyList<TensorBuffer> states = encoder.Encode([.. ids, TinyShapesModel.Golden("empty_input_ids").Span<long>().ToArray()]);
        Assert.Multiple(() =>
        {
            Assert.That(states, Has.Count.EqualTo(5));
            for (int i = 0; i < 4; i++)
            {
                Assert.That(TinyShapesModel.RelativeError(states[i], TinyShapesModel.Golden("last_hidden_state", i)), Is.LessThan(tolerance));
            }

            Assert.That(TinyShapesModel.RelativeError(states[4], TinyShapesModel.Golden("empty_last_hidden_state")), Is.LessThan(tolerance));
        });
    }
}
