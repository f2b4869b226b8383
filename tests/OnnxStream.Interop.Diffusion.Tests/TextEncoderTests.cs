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
            Assert.That(statistics.RunCount, Is.EqualTo(2));
            Assert.That(statistics.WeightsBytesStreamed, Is.Positive);
            Assert.That(statistics.Duration, Is.GreaterThanOrEqualTo(statistics.RunDuration + statistics.LoadDuration));
        });
    }

    [Test]
    public void Constructor_RefusesAnotherModel() => Assert.That(
        () => new TextEncoder(TinyShapesModel.Model("unet")),
        Throws.TypeOf<ModelFormatException>().With.Message.Contains("token ids").And.Message.Contains("encoder_hidden_states"));

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
