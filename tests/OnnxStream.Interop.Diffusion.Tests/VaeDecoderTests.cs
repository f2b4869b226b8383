using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class VaeDecoderTests
{
    [Test]
    public void Decode_GivesTheGoldenPicture() => VerifyGolden(TinyShapesModel.Model("vae_decoder"), 5e-4);

    [Test]
    public void Decode_GivesTheGoldenPictureWithFloat32Weights() =>
        VerifyGolden(TinyShapesModel.ModelWithFloat32Weights("vae_decoder") ?? throw new FileNotFoundException("The float32 VAE decoder is missing."), 1e-4);

    [Test]
    public void Constructor_RefusesAnotherModel() => Assert.That(
        () => new VaeDecoder(TinyShapesModel.Model("unet")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("latents"));

    private static void VerifyGolden(string path, double tolerance)
    {
        using VaeDecoder decoder = new(path);
        TensorBuffer picture = decoder.Decode(TinyShapesModel.Golden("vae_latent_sample"));
        Assert.That(TinyShapesModel.RelativeError(picture, TinyShapesModel.Golden("vae_sample")), Is.LessThan(tolerance));
    }
}
