using System.Text.Json;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.RandomSources;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

/// <summary>Compares every step of every sampler with <c>Reference/samplers.json</c>, which <c>samplers.py</c> beside it wrote.</summary>
public class SchedulerTests
{
    private static readonly JsonElement[] Cases = [.. JsonDocument.Parse(
        File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "samplers.json"))).RootElement.EnumerateArray()];

    private static readonly string[] Samplers = [.. SchedulerTypes.Names];

    [Test]
    public void Runs_FollowTheTables([ValueSource(nameof(Samplers))] string sampler)
    {
        JsonElement[] cases = [.. Cases.Where(item => item.GetProperty("sampler").GetString() == sampler)];
        Assert.That(cases, Has.Length.AtLeast(7));
        foreach (JsonElement item in cases)
        {
            IScheduler scheduler = Create(item);
            string name = Name(item);
            Verify(scheduler.Sigmas, Numbers(item, "sigmas"), 1e-10, name);
            Verify([.. scheduler.Timesteps.Select(t => (double)t)], Numbers(item, "timesteps"), 1e-6, name);
            Assert.That(scheduler.InitialNoiseSigma, Is.EqualTo(item.GetProperty("initialSigma").GetDouble()).Within(1e-5).Percent, name);

            double[][] evaluations = [.. item.GetProperty("evaluations").EnumerateArray().Select(Numbers)];
            double[][] samples = [.. item.GetProperty("samples").EnumerateArray().Select(Numbers)];
            Assert.That(scheduler.EvaluationCount(), Is.EqualTo(evaluations.Length), name);
            ISamplingRun run = scheduler.Start(Singles(item, "start"), Random(item));
            for (int evaluation = 0; evaluation < evaluations.Length; evaluation++)
            {
                Verify([run.Next.Sigma, run.Next.Timestep], evaluations[evaluation], 1e-6, $"{name}, evaluation {evaluation}");
                int step = run.Step;
                run.Continue(Denoise(item, run.Next));
                if (run.Step > step)
                {
                    Verify(Doubles(run.Sample), samples[step], 1e-5, $"{name}, step {step}");
                }
            }

            Assert.That(run.IsDone, name);
            Verify(Doubles(run.Result), Numbers(item, "result"), 1e-5, name);
        }
    }

    [Test]
    public void Runs_GoOnFromASavedState([ValueSource(nameof(Samplers))] string sampler)
    {
        JsonElement item = Cases.First(item => item.GetProperty("sampler").GetString() == sampler);
        IScheduler scheduler = Create(item);
        ISamplingRun whole = scheduler.Start(Singles(item, "start"), Random(item));
        List<SamplingState> states = [whole.Save()];
        while (!whole.IsDone)
        {
            int step = whole.Step;
            whole.Continue(Denoise(item, whole.Next));
            Assert.That(whole.Save().Step, Is.EqualTo(whole.Step));
            if (whole.Step > step)
            {
                states.Add(whole.Save());
            }
        }

        foreach (SamplingState state in states)
        {
            ISamplingRun run = scheduler.Resume(state, Random(item));
            while (!run.IsDone)
            {
                run.Continue(Denoise(item, run.Next));
            }

            Assert.That(run.Result.ToArray(), Is.EqualTo(whole.Result.ToArray()), $"from step {state.Step} on");
        }
    }

    /// <summary>A sample that is not all noise: the run takes fewer steps, and multistep methods begin as at their first one.</summary>
    [Test]
    public void Runs_BeginInTheMiddle([ValueSource(nameof(Samplers))] string sampler)
    {
        IScheduler scheduler = SchedulerOptions.Parse(sampler).Create(new NoiseSchedule(), 8);
        const double Picture = 0.7, Noise = -1.3;
        int evaluations = 0;
        ISamplingRun run = scheduler.Start([(float)(Picture + (scheduler.Sigmas[5] * Noise))], new RecordedRandomSource(new float[20]), 5);
        Assert.That((run.Step, run.Next.Timestep), Is.EqualTo((5, scheduler.Timesteps[5])));
        for (; !run.IsDone; evaluations++)
        {
            run.Continue([(float)Picture]);
        }

        Assert.Multiple(() =>
        {
            Assert.That(evaluations, Is.EqualTo(scheduler.EvaluationCount(5)));
            Assert.That(run.Result.Span[0], Is.EqualTo(Picture).Within(sampler == "TCD" ? 0.05 : 1e-3));
        });
    }

    [Test]
    public void TimestepsAndSigmas_AreTheGoldenOnes()
    {
        IScheduler scheduler = SchedulerType.Euler.Create(new NoiseSchedule(), 12);
        float[] golden = TinyShapesModel.Golden("euler12_sigmas").Span<float>().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(scheduler.Timesteps, Is.EqualTo(TinyShapesModel.Golden("euler12_timesteps").Span<float>().ToArray()));
            Assert.That(scheduler.Sigmas, Is.EqualTo(golden).Within(1e-5).Percent);
            Assert.That(scheduler.InitialNoiseSigma, Is.EqualTo(golden[0]).Within(1e-6).Percent);
        });
    }

    [Test]
    public void Runs_RefuseWhatIsNotTheirs()
    {
        IScheduler scheduler = SchedulerType.Euler.Create(new NoiseSchedule(), 3);
        ISamplingRun run = scheduler.Start(new float[2], new RecordedRandomSource());
        Assert.Multiple(() =>
        {
            Assert.That(() => run.Continue(new float[3]), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => run.Result, Throws.InvalidOperationException);
            Assert.That(() => scheduler.Start(new float[2], new RecordedRandomSource(), 3), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => scheduler.Resume(run.Save() with { Step = 4 }, new RecordedRandomSource()), Throws.ArgumentException.With.Message.Contains("4 steps"));
            Assert.That(() => SchedulerType.Lcm.Create(new NoiseSchedule(), 51), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("50"));
        });
    }

    private static IScheduler Create(JsonElement item) => new SchedulerOptions(
        SchedulerOptions.Parse(item.GetProperty("sampler").GetString()!).Type, SigmaSchedules.Find(item.GetProperty("schedule").GetString()!)!.Value)
    {
        Eta = item.GetProperty("eta") is { ValueKind: JsonValueKind.Number } eta ? eta.GetDouble() : null,
        Order = item.GetProperty("order") is { ValueKind: JsonValueKind.Number } order ? order.GetInt32() : null,
        EndsAtZero = item.GetProperty("endsAtZero").GetBoolean(),
        StepsOffset = item.GetProperty("offset").GetInt32(),
    }.Create(
        new NoiseSchedule
        {
            PredictionType = Prediction(item),
            HasZeroTerminalSnr = item.GetProperty("zeroSnr").GetBoolean(),
            BetaSchedule = item.GetProperty("betaSchedule").GetString() switch
            {
                "linear" => BetaSchedule.Linear,
                "scaled_linear" => BetaSchedule.ScaledLinear,
                _ => BetaSchedule.SquaredCosine,
            },
        },
        item.GetProperty("steps").GetInt32());

    private static PredictionType Prediction(JsonElement item) => item.GetProperty("prediction").GetString() switch
    {
        "epsilon" => PredictionType.Epsilon,
        "v_prediction" => PredictionType.Velocity,
        _ => PredictionType.Sample,
    };

    /// <summary>The same formula stands for the UNET in the program that wrote the tables.</summary>
    private static float[] Denoise(JsonElement item, Evaluation evaluation)
    {
        float[] output = new float[evaluation.Sample.Length];
        Preconditioning.ToInput(evaluation.Sample.Span, evaluation.Sigma, output);
        for (int k = 0; k < output.Length; k++)
        {
            output[k] = (float)((0.8 * Math.Tanh((1.3 * output[k]) + (0.1 * k))) + (0.3 * Math.Cos((evaluation.Timestep / 150.0) + k)));
        }

        Preconditioning.ToDenoised(Prediction(item), evaluation.Sample.Span, evaluation.Sigma, output);
        return output;
    }

    private static RecordedRandomSource Random(JsonElement item) =>
        new([.. item.GetProperty("noise").EnumerateArray().SelectMany(Numbers).Select(value => (float)value)]);

    private static string Name(JsonElement item) =>
        string.Join(' ', item.EnumerateObject().Where(property => property.Value.ValueKind is not JsonValueKind.Array).Select(property => property.Value.ToString()));

    private static double[] Numbers(JsonElement item, string name) => Numbers(item.GetProperty(name));

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];

    private static float[] Singles(JsonElement item, string name) => [.. Numbers(item, name).Select(number => (float)number)];

    private static double[] Doubles(ReadOnlyMemory<float> values) => [.. values.ToArray().Select(value => (double)value)];

    private static void Verify(IReadOnlyList<double> actual, double[] expected, double tolerance, string name)
    {
        double size = expected.Max(Math.Abs), difference = actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max();
        Assert.That(actual, Has.Count.EqualTo(expected.Length), name);
        Assert.That(difference, Is.LessThanOrEqualTo(tolerance * Math.Max(size, 1e-3)), $"{name}: {string.Join(", ", actual)}; expected {string.Join(", ", expected)}");
    }
}
