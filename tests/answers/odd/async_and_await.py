# title: coroutines, and await at the top of a cell

# %% double
import asyncio


async def later(x):
    await asyncio.sleep(0.001)
    return 2 * x


print(await later(2))


def double(x):
    return asyncio.run(later(x))


# %% mean
async def numbers(values):
    for value in values:
        yield value


print([x async for x in numbers([1])])


def mean(values):
    async def collect():
        return [x async for x in numbers(values)]

    found = asyncio.new_event_loop().run_until_complete(collect())
    return sum(found) / len(found)
