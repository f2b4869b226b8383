using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class SchedulerNamesTests
{
    [TestCase("euler", SchedulerType.Euler)]
    [TestCase("EulerDiscreteScheduler", SchedulerType.Euler)]
    [TestCase("EULER_A", SchedulerType.EulerAncestral)]
    [TestCase("euler_ancestral", SchedulerType.EulerAncestral)]
    [TestCase("Euler a", SchedulerType.EulerAncestral)]
    [TestCase("dpm++2s_a", SchedulerType.DpmPlusPlus2SAncestral)]
    [TestCase("dpm++2mv2", SchedulerType.DpmPlusPlus2MV2)]
    [TestCase("dpmpp_2m", SchedulerType.DpmPlusPlus2M)]
    [TestCase("ipndm_v", SchedulerType.Lms)]
    [TestCase("PNDMScheduler", SchedulerType.Plms)]
    [TestCase("UniPCMultistepScheduler", SchedulerType.UniPc)]
    public void Parse_KnowsEveryName(string name, SchedulerType expected) => Assert.That(SchedulerOptions.Parse(name), Is.EqualTo(new SchedulerOptions(expected)));

    [TestCase("DPM++ 2M Karras", SchedulerType.DpmPlusPlus2M, SigmaSchedule.Karras)]
    [TestCase("DPM++ 2M SDE Heun Exponential", SchedulerType.DpmPlusPlus2MSdeHeun, SigmaSchedule.Exponential)]
    [TestCase("dpmpp_3m_sde sgm_uniform", SchedulerType.DpmPlusPlus3MSde, SigmaSchedule.SgmUniform)]
    [TestCase("Euler a AYS XL", SchedulerType.EulerAncestral, SigmaSchedule.AlignYourStepsXl)]
    [TestCase("DDIM trailing", SchedulerType.Ddim, SigmaSchedule.Trailing)]
    [TestCase("UniPC uniform", SchedulerType.UniPc, SigmaSchedule.Uniform)]
    [TestCase("Euler ddim_uniform", SchedulerType.Euler, SigmaSchedule.Leading)]
    public void Parse_KnowsSamplersWithSchedules(string name, SchedulerType type, SigmaSchedule schedule) =>
        Assert.That(SchedulerOptions.Parse(name), Is.EqualTo(new SchedulerOptions(type, schedule)));

    [TestCase("dpm++2s", SchedulerType.DpmPlusPlus2SAncestral, 0)]
    [TestCase("ddim_a", SchedulerType.Ddim, 1)]
    [TestCase("tcd_a", SchedulerType.Tcd, 0.5)]
    public void Parse_KnowsOnnxStreamsNamesWithAnEta(string name, SchedulerType type, double eta) =>
        Assert.That(SchedulerOptions.Parse(name), Is.EqualTo(new SchedulerOptions(type) { Eta = eta }));

    [TestCase("dpm++ 2n karas", "DPM++ 2M Karras")]
    [TestCase("Eular a", "Euler a")]
    [TestCase("unipic", "UniPC")]
    public void Parse_OffersTheNearest(string name, string expected) => Assert.That(
        () => SchedulerOptions.Parse(name), Throws.TypeOf<FormatException>().With.Message.Contains($"\"{name}\" is not known; did you mean \"{expected}\"?"));

    [Test]
    public void Parse_ReadsWhatIsShown()
    {
        foreach (SchedulerType type in Enum.GetValues<SchedulerType>())
        {
            foreach (SigmaSchedule schedule in Enum.GetValues<SigmaSchedule>())
            {
                Assert.That(SchedulerOptions.Parse($"{type.DisplayName()} {schedule.DisplayName()}"), Is.EqualTo(new SchedulerOptions(type, schedule)));
            }
        }
    }

    [Test]
    public void Schedules_HaveNames() => Assert.Multiple(() =>
    {
        Assert.That(SigmaSchedules.Names.Select(SigmaSchedules.Find), Is.EqualTo(Enum.GetValues<SigmaSchedule>().Cast<SigmaSchedule?>()));
        Assert.That(SigmaSchedules.Find("linspace"), Is.EqualTo(SigmaSchedule.Uniform));
        Assert.That(SigmaSchedules.Find("kara"), Is.Null);
        Assert.That(SigmaSchedules.Nearest("kara"), Is.EqualTo("Karras"));
    });
}
