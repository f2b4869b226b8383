using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.RandomSources;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class EulerAncestralSchedulerTests
{
    [Test]
    public void TimestepsAndSigmas_AreTheGoldenOnes()
    {
        EulerAncestralScheduler scheduler = new(new NoiseSchedule(), 12);
        float[] golden = TinyShapesModel.Golden("euler12_sigmas").Span<float>().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(scheduler.Timesteps, Is.EqualTo(TinyShapesModel.Golden("euler12_timesteps").Span<float>().ToArray()));
            Assert.That(scheduler.Sigmas, Is.EqualTo(golden).Within(1e-6).Percent);
            Assert.That(scheduler.InitialNoiseSigma, Is.EqualTo(golden[0]).Within(1e-6).Percent);
        });
    }

    /// <summary>From 14.6146412 down to 0.1785948 and up by 1.6056785; from 1.6155803 down to 0.0005266 and up by 0.0291624; to 0.</summary>
    [Test]
    public void Step_FollowsTheTrajectoryComputedByHand()
    {
        EulerAncestralScheduler scheduler = new(new NoiseSchedule(), 3);
        RecordedRandomSource random = new(0.25f, -1.5f, 2, 0.75f);
        float[] sample = [10, -20];
        Step(0, [0.5f, -1], [3.183396434f, -7.972471371f]);
        Step(1, [-0.25f, 0.125f], [3.645484664f, -8.152481279f]);
        Step(2, [1.5f, 2], [3.601733927f, -8.210815595f]);

        void Step(int index, float[] output, float[] expected)
        {
            scheduler.Step(output, index, sample, random);
            Assert.That(sample, Is.EqualTo(expected).Within(1e-4).Percent);
        }
    }

    [TestCase(PredictionType.Epsilon)]
    [TestCase(PredictionType.Velocity)]
    public void Step_KeepsThePictureAndReplacesTheNoise(PredictionType predictionType)
    {
        const double Picture = 0.7;
        const int Steps = 10;
        EulerAncestralScheduler scheduler = new(new NoiseSchedule { PredictionType = predictionType }, Steps);
        float[] sample = [(float)(Picture + (scheduler.InitialNoiseSigma * -1.3))];
        for (int i = 0; i < Steps; i++)
        {
            double sigma = scheduler.Sigmas[i], root = Math.Sqrt((sigma * sigma) + 1), noise = (sample[0] - Picture) / sigma;
            double prediction = predictionType == PredictionType.Epsilon ? noise : (noise / root) - (Picture * sigma / root);
            scheduler.Step([(float)prediction], i, sample, new RecordedRandomSource(0.4f));
        }

        Assert.That(sample[0], Is.EqualTo(Picture).Within(1e-5));
    }

    [Test]
    public void ScaleModelInput_GivesUnitVariance()
    {
        EulerAncestralScheduler scheduler = new(new NoiseSchedule(), 3);
        float[] scaled = new float[1];
        scheduler.ScaleModelInput([3], 1, scaled);
        Assert.That(scaled[0], Is.EqualTo(3 / Math.Sqrt((1.6155802601603273 * 1.6155802601603273) + 1)).Within(1e-4).Percent);
    }

    [Test]
    public void Step_RefusesAnOutputOfAnotherLength() => Assert.That(
        () => new EulerAncestralScheduler(new NoiseSchedule(), 3).Step(new float[2], 0, new float[3], new RecordedRandomSource()), Throws.TypeOf<ArgumentOutOfRangeException>());
}
