using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion.Tests.Schedulers;

public class SchedulerTypeTests
{
    [TestCase("euler", SchedulerType.Euler)]
    [TestCase("EulerDiscreteScheduler", SchedulerType.Euler)]
    [TestCase("Euler", SchedulerType.Euler)]
    [TestCase("euler_ancestral", SchedulerType.EulerAncestral)]
    [TestCase("EULER_A", SchedulerType.EulerAncestral)]
    [TestCase("Euler a", SchedulerType.EulerAncestral)]
    public void Find_KnowsEveryName(string name, SchedulerType expected) => Assert.That(SchedulerTypes.Find(name), Is.EqualTo(expected));

    [Test]
    public void Find_GivesNullForOthers() => Assert.That(SchedulerTypes.Find("ddim"), Is.Null);

    [Test]
    public void Create_MakesEveryType()
    {
        foreach (SchedulerType type in Enum.GetValues<SchedulerType>())
        {
            IScheduler scheduler = type.Create(new NoiseSchedule(), 5);
            Assert.Multiple(() =>
            {
                Assert.That(scheduler.Timesteps, Has.Count.EqualTo(5));
                Assert.That(scheduler.GetType().Name, Is.EqualTo($"{type}Scheduler"));
                Assert.That(SchedulerTypes.Find(scheduler.Name), Is.EqualTo(type));
            });
        }
    }

    [Test]
    public void Names_AreOnePerType() => Assert.That(
        SchedulerTypes.Names.Select(SchedulerTypes.Find), Is.EqualTo(Enum.GetValues<SchedulerType>().Cast<SchedulerType?>()));
}
