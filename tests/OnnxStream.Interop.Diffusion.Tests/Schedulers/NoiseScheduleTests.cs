using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class NoiseScheduleTests
{
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
    public void SigmaAt_IsFiniteWhereNothingOfThePictureIsLeft() => Assert.Multiple(() =>
    {
        NoiseSchedule schedule = new() { HasZeroTerminalSnr = true };
        Assert.That(schedule.SigmaAt(999), Is.EqualTo(4096).Within(1e-4).Percent);
        Assert.That(schedule.SigmaAt(0), Is.EqualTo(new NoiseSchedule().SigmaAt(0)).Within(1e-10).Percent);
    });
}
