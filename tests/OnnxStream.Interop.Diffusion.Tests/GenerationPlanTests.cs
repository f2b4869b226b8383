using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class GenerationPlanTests
{
    private static readonly SessionOptions s_streaming = new() { KeptPanelBytes = 0 };
    private static readonly GenerationOptions s_options = new() { Prompt = "a red circle", NegativePrompt = "a ring", Seed = 3, Steps = 4, GuidanceScale = 5, ImageCount = 2 };

    [Test]
    public void APlanSaysWhatAGenerationDoes([Values] SchedulerType sampler) => Verify(s_options with { Scheduler = sampler }, s_streaming);

    [Test]
    public void StepsWithoutGuidanceAskForLess()
    {
        GenerationPlan plan = Verify(s_options with { GuidanceStart = 0.25f, GuidanceEnd = 0.75f }, s_streaming);
        GenerationPlan all = TinyShapesModel.Pipeline(s_streaming).Plan(s_options);
        Assert.That(plan.Stages[1].Flops, Is.EqualTo(all.Stages[1].Flops * 3 / 4), "two steps of four are half as much");
        Assert.That(plan.Stages[1].WeightsBytes, Is.EqualTo(all.Stages[1].WeightsBytes));
    }

    [TestCase("a [red|blue] circle")]
    [TestCase("a circle BREAK red, red, red, red, red, red, red, red, red, red, red, red, red, red, red, red, red")]
    public void TextsAreCounted(string prompt) => Verify(s_options with { Prompt = prompt }, s_streaming);

    [Test]
    public void ABudgetDecidesWhatGoesTogether()
    {
        GenerationPlan free = TinyShapesModel.Pipeline(s_streaming).Plan(s_options);
        Assert.That((free.Stages[1].SetCount, free.Stages[1].SetsTogether, free.Stages[1].PassCount), Is.EqualTo((4, 4, 4)));
        GenerationPlan least = Verify(s_options, s_streaming with { MemoryBudget = free.SmallestBudgetBytes });
        Assert.That(least.PeakBytes, Is.AtMost(free.SmallestBudgetBytes));
        Assert.That(least.Stages[1].PassCount, Is.GreaterThan(4));
        Assert.That(least.Stages[1].WeightsBytes, Is.EqualTo(least.Stages[1].PassCount * free.Stages[1].WeightsBytes / 4));
        Assert.That(least.Flops, Is.EqualTo(free.Flops));
    }

    [Test]
    public void ABudgetThatIsTooSmallIsNamedByThePlanAndRefusedByTheGeneration()
    {
        GenerationPlan free = TinyShapesModel.Pipeline(s_streaming).Plan(s_options);
        StableDiffusionPipeline small = TinyShapesModel.Pipeline(s_streaming with { MemoryBudget = free.SmallestBudgetBytes - 1 });
        Assert.That(small.Plan(s_options).SmallestBudgetBytes, Is.EqualTo(free.SmallestBudgetBytes));
        Assert.That(() => small.Generate(s_options), Throws.TypeOf<MemoryBudgetException>());
    }

    // DeepCache: steps between begin behind the deep layers, also where guidance ends in between.
    [TestCase(2, 1f)]
    [TestCase(3, 1f)]
    [TestCase(3, 0.5f)]
    public void StepsBetweenReadLess(int interval, float guidanceEnd)
    {
        GenerationOptions options = s_options with { Steps = 8, CacheInterval = interval, GuidanceEnd = guidanceEnd };
        GenerationPlan plan = Verify(options, s_streaming), all = TinyShapesModel.Pipeline(s_streaming).Plan(options with { CacheInterval = 1 });
        Assert.That(plan.Stages.Select(stage => stage.Model), Is.EqualTo((string[])["text encoder", "UNET", "UNET, last part", "VAE decoder"]));
        Assert.That(plan.Stages[1].RunCount + plan.Stages[2].RunCount, Is.EqualTo(8));
        Assert.That(plan.WeightsBytes, Is.LessThan(all.WeightsBytes * 3 / 4));
        Assert.That(plan.Flops, Is.LessThan(all.Flops));
        GenerationPlan least = Verify(options, s_streaming with { MemoryBudget = plan.SmallestBudgetBytes });
        Assert.That(least.PeakBytes, Is.AtMost(plan.SmallestBudgetBytes));
    }

    [Test]
    public void APlanForgetsNothingOfTheSizes()
    {
        GenerationPlan plan = TinyShapesModel.Pipeline(s_streaming).Plan(s_options with { Steps = 7 });
        Assert.That((plan.Width, plan.Height, plan.ImageCount, plan.Steps), Is.EqualTo((64, 64, 2, 7)));
        Assert.That(plan.Stages.Select(stage => stage.Model), Is.EqualTo((string[])["text encoder", "UNET", "VAE decoder"]));
        Assert.That(plan.Stages.Select(stage => File.Exists(stage.Path)), Has.All.True);
        Assert.That(plan.Stages.Select(stage => stage.Unknown), Has.All.Null);
        Assert.That(plan.Stages[2].OutputBytes, Is.EqualTo(3 * 64 * 64 * sizeof(float)));
        Assert.That(plan.WeightsBytes, Is.EqualTo(plan.Stages.Sum(stage => stage.WeightsBytes)));
        Assert.That(plan.PeakBytes, Is.EqualTo(plan.Stages.Max(stage => stage.PeakBytes)), "one model is open at a time");
    }

    [Test]
    public void LatentsToDecodeArePlanned()
    {
        TensorBuffer latents = new(ElementType.Float32, new Shape(3, 4, 16, 16));
        GenerationPlan plan = TinyShapesModel.Pipeline(s_streaming).PlanDecoding(latents, new VaeTiling());
        Assert.That(plan.Stages.Single().RunCount, Is.EqualTo(3));
        Assert.That((plan.Width, plan.Height, plan.ImageCount), Is.EqualTo((64, 64, 3)));
    }

    // The runs, passes and bytes of a plan are those of the generation, and the memory is enough.
    private static GenerationPlan Verify(GenerationOptions options, SessionOptions sessions)
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline(sessions);
        GenerationPlan plan = pipeline.Plan(options);
        GenerationResult result = pipeline.Generate(options);
        Assert.That(plan.Stages.Select(stage => (stage.Stage, stage.RunCount)), Is.EqualTo(result.Stages.Select(stage => (stage.Stage, stage.RunCount))));
        foreach ((StagePlan planned, StageStatistics done) in plan.Stages.Zip(result.Stages))
        {
            // Rows that are looked up in a table are read, and in no plan: those of tokens.
            long rows = planned.Stage == PipelineStage.TextEncoding ? done.WeightsBytesStreamed / 50 : 0;
            Assert.That(planned.WeightsBytes, Is.InRange(done.WeightsBytesStreamed - rows, done.WeightsBytesStreamed), planned.Model);
            Assert.That(planned.PeakBytes, Is.AtLeast(done.PeakNativeBytes * 0.98), planned.Model);
            Assert.That(planned.Flops, Is.Positive, planned.Model);
        }

        return plan;
    }
}
