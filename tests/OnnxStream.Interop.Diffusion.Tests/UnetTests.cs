using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class UnetTests
{
    [Test]
    public void Predict_GivesTheGoldenNoise() => VerifyGolden(TinyShapesModel.Model("unet"), 5e-4);

    [Test]
    public void Predict_GivesTheGoldenNoiseWithFloat32Weights()
    {
        if (TinyShapesModel.ModelWithFloat32Weights("unet") is { } path)
        {
            VerifyGolden(path, 1e-4);
        }
        else
        {
            Assert.Ignore("The float32 UNET is not in the repository; ONNXSTREAM_TINY_F32 names the folder that has it.");
        }
    }

    [Test]
    public void Constructor_RefusesAnotherModel() => Assert.That(
        () => new Unet(TinyShapesModel.Model("vae_decoder")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("the time step"));

    // DeepCache. What deep layers made in a step does for the same step to the bit, and for the next one nearly.
    [Test]
    public void Predict_GoesOnFromWhatDeepLayersMade()
    {
        using Unet unet = new(TinyShapesModel.Model("unet"), (Weights.ModelFiles?)null);
        unet.OpenUpper();
        unet.Prepare(new SessionOptions { ThreadCount = 1 }, 2, new SessionOptions { ThreadCount = 1 });
        TensorBuffer states = TinyShapesModel.Golden("last_hidden_state", 0), other = TinyShapesModel.Golden("last_hidden_state", 1);
        UnetQuestion question = new(TinyShapesModel.Golden("unet_sample", 0), 500, [new UnetCondition(states), new UnetCondition(other)]);
        DeepValues deep = new();
        TensorBuffer[] whole = [.. Ask(question, true)], same = [.. Ask(question, false)];
        TensorBuffer[] late = [.. Ask(question with { Timestep = 480 }, false)], right = [.. Ask(question with { Timestep = 480 }, true)];
        double error = TinyShapesModel.RelativeError(late[0], right[0]);
        TestContext.Out.WriteLine($"relative error after 20 time steps: {error:g2}");
        Assert.Multiple(() =>
        {
            Assert.That(same[0].Bytes.SequenceEqual(whole[0].Bytes));
            Assert.That(same[1].Bytes.SequenceEqual(whole[1].Bytes));
            Assert.That(error, Is.InRange(1e-9, 0.1));
            Assert.That((unet.Statistics.RunCount, unet.UpperStatistics!.RunCount), Is.EqualTo((2, 2)));
            Assert.That(unet.UpperStatistics.WeightsBytesStreamed, Is.LessThan(unet.Statistics.WeightsBytesStreamed / 4));
        });

        IReadOnlyList<TensorBuffer> Ask(UnetQuestion asked, bool isFresh) => unet.Predict([asked], null, deep, isFresh, CancellationToken.None)[0];
    }

    [Test]
    public void OpenUpper_RefusesAModelWithoutSkips()
    {
        using TemporaryFolder folder = new();
        using Unet unet = new(new OnnxModelBuilder()
            .Input("sample", ElementType.Float32, 1, 4, 8, 8).Input("timestep", ElementType.Float32, 1).Input("encoder_hidden_states", ElementType.Float32, 1, 1, 1)
            .Node("Mul", ["sample", "encoder_hidden_states"], "product").Node("Add", ["product", "timestep"], "out_sample")
            .Output("out_sample", ElementType.Float32, 1, 4, 8, 8)
            .Save(folder.Combine("unet/model.onnx")), (Weights.ModelFiles?)null);
        Assert.That(unet.OpenUpper, Throws.TypeOf<ModelFormatException>().With.Message.Contains("no skip connections"));
    }

    // A model of its own: the sample times the condition plus the time step. Whatever it declares, all go together.
    [TestCase("batch", "batch", 3)]
    [TestCase("batch", "steps", 3)]
    [TestCase("batch", 1, 2)]
    [TestCase(1, 1, 3)]
    [TestCase(2, 2, 2)]
    [TestCase(2, 1, 3)]
    public void Predict_RunsAllAtOnceWhateverTheModelDeclares(object batch, object steps, int conditionCount)
    {
        using TemporaryFolder folder = new();
        using Unet unet = new(new OnnxModelBuilder()
            .Input("sample", ElementType.Float32, batch, 4, "height", "width")
            .Input("timestep", ElementType.Float32, steps)
            .Input("encoder_hidden_states", ElementType.Float32, batch, 1, 1, 1)
            .Node("Mul", ["sample", "encoder_hidden_states"], "product")
            .Node("Add", ["product", "timestep"], "out_sample")
            .Output("out_sample", ElementType.Float32, batch, 4, "height", "width")
            .Save(folder.Combine("unet/model.onnx")));
        TensorBuffer sample = new(ElementType.Float32, new Shape(1, 4, 5, batch.Equals("batch") ? conditionCount : 2));
        for (int i = 0; i < sample.Shape.ElementCount; i++)
        {
            sample.Span<float>()[i] = i;
        }

        TensorBuffer[] conditions = [.. Enumerable.Range(1, conditionCount).Select(value => TensorBuffer.Create<float>([value], 1, 1, 1, 1))];
        IReadOnlyList<TensorBuffer> predictions = unet.Predict(sample, 0.5f, conditions);
        Assert.Multiple(() =>
        {
            Assert.That(unet.Statistics.RunCount, Is.EqualTo(1));
            Assert.That(unet.LatentHeight, Is.Null);
            Assert.That(predictions, Has.Count.EqualTo(conditionCount));
            for (int i = 0; i < predictions.Count; i++)
            {
                Assert.That(predictions[i].Shape, Is.EqualTo(sample.Shape));
                Assert.That(predictions[i].Span<float>().ToArray(), Is.EqualTo(Enumerable.Range(0, (int)sample.Shape.ElementCount).Select(value => (value * (i + 1)) + 0.5f)));
            }
        });
    }

    [Test]
    public void Constructor_RefusesInputsThatThePipelineDoesNotHave()
    {
        using TemporaryFolder folder = new();
        string path = new OnnxModelBuilder()
            .Input("sample", ElementType.Float32, 1, 4, 8, 8)
            .Input("timestep", ElementType.Float32, 1)
            .Input("encoder_hidden_states", ElementType.Float32, 1, 77, 2048)
            .Input("image_embeds", ElementType.Float32, 1, 1280)
            .Node("Add", ["sample", "timestep"], "out_sample")
            .Output("out_sample", ElementType.Float32, 1, 4, 8, 8)
            .Save(folder.Combine("model.onnx"));
        Assert.That(() => new Unet(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("image_embeds: float[1,1280]"));
    }

    [Test]
    public void Constructor_RefusesHalfOfWhatSdxlTakes()
    {
        using TemporaryFolder folder = new();
        string path = new OnnxModelBuilder()
            .Input("sample", ElementType.Float32, 1, 4, 8, 8)
            .Input("timestep", ElementType.Float32, 1)
            .Input("encoder_hidden_states", ElementType.Float32, 1, 77, 2048)
            .Input("time_ids", ElementType.Float32, 1, 6)
            .Node("Add", ["sample", "timestep"], "out_sample")
            .Output("out_sample", ElementType.Float32, 1, 4, 8, 8)
            .Save(folder.Combine("model.onnx"));
        Assert.That(() => new Unet(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("time_ids alone"));
    }

    private static void VerifyGolden(string path, double tolerance)
    {
        using Unet unet = new(path);
        Assert.That((unet.LatentChannels, unet.LatentHeight, unet.LatentWidth), Is.EqualTo((4, 16, 16)));
        TensorBuffer[] conditions = [.. Enumerable.Range(0, 4).Select(i => TinyShapesModel.Golden("last_hidden_state", i))];
        IReadOnlyList<TensorBuffer> noise = unet.Predict(TinyShapesModel.Golden("unet_sample"), TinyShapesModel.Golden("unet_timestep").Span<float>()[0], conditions);
        Assert.Multiple(() =>
        {
            Assert.That(noise, Has.Count.EqualTo(4));
            for (int i = 0; i < noise.Count; i++)
            {
                Assert.That(TinyShapesModel.RelativeError(noise[i], TinyShapesModel.Golden("unet_out_sample", i)), Is.LessThan(tolerance));
            }
        });
    }
}
