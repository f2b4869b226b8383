using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Tests.RandomSources;

public class TorchRandomSourceTests
{
    // What torch.randn of PyTorch 1.13 gives after torch.manual_seed: the first numbers of tensors of these sizes, and the sum of all.
    [TestCase(42UL, new[] { 16, 16 }, new[] { 1.92691529f, 1.48728406f, 0.900717199f, -2.10552096f, 0.678418458f, -1.23454487f, -0.0430674776f, -1.60466695f, -0.752135277f, 1.64872301f, -0.392478645f, -1.40360713f, -0.727881312f, -0.559430182f, -0.768838882f, 0.76244539f, 1.64231694f, -0.159597471f, -0.497397542f, 0.439589262f, -0.758131146f, 1.07831764f, 0.800800562f, 1.68062055f }, 6.97802038)]
    [TestCase(42UL, new[] { 5, 4 }, new[] { 0.336690366f, 0.128809407f, 0.234462366f, 0.23033303f, -1.12285638f, -0.186328292f, 2.20820141f, -0.637997031f, 0.461657226f }, 1.6529721)]
    [TestCase(0UL, new[] { 23 }, new[] { -1.12583983f, -1.1523602f, -0.250578582f, -0.433878809f, 0.848710358f, 0.692009151f, -0.31601277f, 1.85300612f, 0.468096405f, -0.157712445f, 1.44366014f, 0.266049415f, 0.166455343f, 0.87438184f, -0.143473849f, -0.843676746f, 0.931826591f, 1.25900924f, 2.00498056f, 0.0537369028f, 0.618056655f, -0.412802219f, -0.841064811f }, 5.80257847)]
    [TestCase(4294967303UL, new[] { 40 }, new[] { -0.820134521f, 0.395631164f, 0.898908496f, -1.38840389f, -0.166996017f, 0.285149962f, -0.641091526f, -0.893655419f, 0.926542997f, -0.535512209f, -1.1597203f, -0.460157156f, 0.708539069f, 1.01275539f, 0.230396867f, 1.09016514f, -1.58266461f, -0.324566633f, 1.92636812f, -0.330011725f, 0.198445052f, 0.782072663f, 1.03910768f, -0.724510729f }, 2.79179081)]
    [TestCase(123456789UL, new[] { 3, 64 }, new[] { 0.110278368f, 2.20076966f, -0.896996915f, -0.950221419f, -0.0706840754f, -0.268074602f, -0.162546471f, 0.00724950945f, 0.946698487f, -0.672549069f, 0.368396729f, -1.49497247f, 0.840189099f, -1.50588679f, 0.458187848f, 0.798622608f, -0.683183134f, -1.29277289f, -0.735937417f, 0.819714546f, -0.910483539f, -0.36508587f, 0.834465861f, -1.99664831f }, -8.64769228)]
    public void NextNormal_IsThatOfPyTorch(ulong seed, int[] sizes, float[] expected, double sum)
    {
        TorchRandomSource source = new(seed);
        List<float> numbers = [];
        foreach (int size in sizes)
        {
            float[] tensor = new float[size];
            source.NextNormal(tensor);
            numbers.AddRange(tensor);
        }

        Assert.That(numbers[..expected.Length], Is.EqualTo(expected).Within(2e-6));
        Assert.That(numbers.Sum(number => (double)number), Is.EqualTo(sum).Within(1e-5));
    }

    /// <summary>The first noise of a picture of 512 by 512 pixels with the seed 1.</summary>
    [Test]
    public void NextNormal_IsThatOfPyTorchForLatents()
    {
        float[] latents = new float[4 * 64 * 64];
        new TorchRandomSource(1).NextNormal(latents);
        Assert.Multiple(() =>
        {
            Assert.That(latents.Sum(number => (double)number), Is.EqualTo(-121.252764173).Within(1e-3));
            Assert.That(latents.Sum(number => (double)number * number), Is.EqualTo(16475.6504239).Within(1e-2));
            Assert.That(latents[^1], Is.EqualTo(1.79592109).Within(2e-6));
        });
    }
}
