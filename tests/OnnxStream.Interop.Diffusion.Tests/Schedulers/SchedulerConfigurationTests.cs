using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class SchedulerConfigurationTests
{
    [TestCase("""{ "_class_name": "PNDMScheduler", "skip_prk_steps": true, "set_alpha_to_one": false, "steps_offset": 1 }""", "PLMS DDIM", 1, false)]
    [TestCase("""{ "_class_name": "DDIMScheduler", "timestep_spacing": "trailing", "rescale_betas_zero_snr": true }""", "DDIM Trailing", 0, true)]
    [TestCase("""{ "_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true }""", "Euler Karras", 0, true)]
    [TestCase("""{ "_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading", "steps_offset": 1 }""", "Euler DDIM", 1, true)]
    [TestCase("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver++", "solver_order": 2 }""", "DPM++ 2M Uniform", 0, true)]
    [TestCase("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true }""", "DPM++ 2M SDE Karras", 0, true)]
    [TestCase("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "solver_type": "heun", "use_exponential_sigmas": true }""", "DPM++ 2M SDE Heun Exponential", 0, true)]
    [TestCase("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "solver_order": 3, "use_beta_sigmas": true }""", "DPM++ 3M SDE Beta", 0, true)]
    [TestCase("""{ "_class_name": "LCMScheduler", "timestep_spacing": "leading" }""", "LCM Consistency", 0, true)]
    [TestCase("""{ "_class_name": "DEISMultistepScheduler", "final_sigmas_type": "sigma_min" }""", "DEIS Uniform", 0, false)]
    public void Read_TakesWhatDiffusersSaves(string json, string expected, int offset, bool endsAtZero) =>
        Assert.That(Read(json), Is.EqualTo(SchedulerOptions.Parse(expected) with { StepsOffset = offset, EndsAtZero = endsAtZero }));

    [Test]
    public void Read_TakesOrders() => Assert.Multiple(() =>
    {
        Assert.That(Read("""{ "_class_name": "UniPCMultistepScheduler", "solver_order": 3 }""")!.Order, Is.EqualTo(3));
        Assert.That(Read("""{ "_class_name": "DPMSolverMultistepScheduler", "solver_order": 3 }"""), Is.EqualTo(new SchedulerOptions(SchedulerType.DpmPlusPlus3MSde, SigmaSchedule.Uniform) { Eta = 0, StepsOffset = 0 }));
    });

    [Test]
    public void Read_GivesNullForOthers() => Assert.That(Read("""{ "_class_name": "FlowMatchEulerDiscreteScheduler" }"""), Is.Null);

    [Test]
    public void Read_RefusesAnotherSpacing() => Assert.That(
        () => Read("""{ "_class_name": "DDIMScheduler", "timestep_spacing": "wide" }"""), Throws.TypeOf<ModelFormatException>().With.Message.Contains("trailing"));

    private static SchedulerOptions? Read(string json)
    {
        using TemporaryFolder folder = new();
        return SchedulerConfiguration.Read(JsonFile.Read(folder.Write("scheduler_config.json", json), new PipelineFiles(null)));
    }
}
