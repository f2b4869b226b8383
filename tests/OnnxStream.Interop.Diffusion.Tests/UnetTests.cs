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
