using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.RandomSources;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class EulerSchedulerTests
{
    [Test]
    public void TimestepsAndSigmas_AreTheGoldenOnes()
    {
        EulerScheduler scheduler = new(new NoiseSchedule(), 12);
        float[] golden = TinyShapesModel.Golden("euler12_sigmas").Span<float>().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(scheduler.Timesteps, Is.EqualTo(TinyShapesModel.Golden("euler12_timesteps").Span<float>().ToArray()));
            Assert.That(scheduler.Sigmas, Is.EqualTo(golden).Within(1e-6).Percent);
            Assert.That(scheduler.InitialNoiseSigma, Is.EqualTo(golden[0]).Within(1e-6).Percent);
        });
    }

    /// <summary>Each step adds the output times the change of sigma: 14.6146412 → 1.6155803 → 0.0291672 → 0.</summary>
    [Test]
    public void Step_FollowsTheTrajectoryComputedByHand()
    {
        EulerScheduler scheduler = new(new NoiseSchedule(), 3);
        float[] sample = [10, -20];
        Step(0, [0.5f, -1], [3.500469515f, -7.000939031f]);
        Step(1, [-0.25f, 0.125f], [3.897072791f, -7.199240669f]);
        Step(2, [1.5f, 2], [3.853322054f, -7.257574985f]);

        void Step(int index, float[] output, float[] expected)
        {
            scheduler.Step(output, index, sample, new RecordedRandomSource());
            Assert.That(sample, Is.EqualTo(expected).Within(1e-4).Percent);
        }
    }

    [Test]
    public void ScaleModelInput_GivesUnitVariance()
    {
        EulerScheduler scheduler = new(new NoiseSchedule(), 3);
        float[] scaled = new float[1];
        scheduler.ScaleModelInput([3], 1, scaled);
        Assert.That(scaled[0], Is.EqualTo(3 / Math.Sqrt((1.6155802601603273 * 1.6155802601603273) + 1)).Within(1e-4).Percent);
    }

    [TestCase(PredictionType.Epsilon)]
    [TestCase(PredictionType.Velocity)]
    public void Step_ArrivesAtThePictureIfThePredictionIsRight(PredictionType predictionType)
    {
        const double Picture = 0.7, Noise = -1.3;
        EulerScheduler scheduler = new(new NoiseSchedule { PredictionType = predictionType }, 10);
        float[] sample = [(float)(Picture + (scheduler.InitialNoiseSigma * Noise))];
        for (int i = 0; i < 10; i++)
        {
            double sigma = scheduler.Sigmas[i], root = Math.Sqrt((sigma * sigma) + 1);
            double prediction = predictionType == PredictionType.Epsilon ? Noise : (Noise / root) - (Picture * sigma / root);
            scheduler.Step([(float)prediction], i, sample, new RecordedRandomSource());
        }

        Assert.That(sample[0], Is.EqualTo(Picture).Within(1e-5));
    }

    [Test]
    public void Step_RefusesAnOutputOfAnotherLength() => Assert.That(
        () => new EulerScheduler(new NoiseSchedule(), 3).Step(new float[2], 0, new float[3], new RecordedRandomSource()), Throws.TypeOf<ArgumentOutOfRangeException>());
}
