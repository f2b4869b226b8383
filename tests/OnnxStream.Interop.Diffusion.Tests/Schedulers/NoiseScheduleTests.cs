using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class NoiseScheduleTests
{
    [Test]
    public void Sigmas_AreTheGoldenOnes()
    {
        NoiseSchedule schedule = new();
        double[] timesteps = schedule.Timesteps(12);
        float[] golden = TinyShapesModel.Golden("euler12_sigmas").Span<float>().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(timesteps.Select(timestep => (float)timestep), Is.EqualTo(TinyShapesModel.Golden("euler12_timesteps").Span<float>().ToArray()));
            Assert.That(schedule.Sigmas(timesteps).Select(sigma => (float)sigma), Is.EqualTo(golden).Within(1e-6).Percent);
        });
    }

    [TestCase(0, 0.029167158151720367)]
    [TestCase(1, 0.041314411996783096)]
    [TestCase(499.5, 1.6155802601603273)]
    [TestCase(500, 1.6182788260186167)]
    [TestCase(999, 14.614641229333644)]
    public void SigmaAt_IsThatOfStableDiffusion(double timestep, double expected) =>
        Assert.That(new NoiseSchedule().SigmaAt(timestep), Is.EqualTo(expected).Within(1e-10).Percent);

    [Test]
    public void SigmaAt_KnowsLinearBetas() => Assert.That(
        new NoiseSchedule { BetaSchedule = BetaSchedule.Linear, BetaStart = 0.0001, BetaEnd = 0.02 }.SigmaAt(999), Is.EqualTo(157.40728081040757).Within(1e-8).Percent);

    [Test]
    public void SigmaAt_RefusesOtherTimesteps() => Assert.Multiple(() =>
    {
        Assert.That(() => new NoiseSchedule().SigmaAt(-0.1), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => new NoiseSchedule().SigmaAt(999.1), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => new NoiseSchedule { TrainingTimesteps = 1 }, Throws.TypeOf<ArgumentOutOfRangeException>());
    });

    [Test]
    public void Timesteps_SpreadEvenlyDownToZero() => Assert.Multiple(() =>
    {
        Assert.That(new NoiseSchedule().Timesteps(3), Is.EqualTo((double[])[999, 499.5, 0]));
        Assert.That(new NoiseSchedule().Timesteps(1), Is.EqualTo((double[])[999]));
        Assert.That(new NoiseSchedule().Timesteps(1000), Is.EqualTo(Enumerable.Range(0, 1000).Select(i => 999.0 - i)));
    });
}
