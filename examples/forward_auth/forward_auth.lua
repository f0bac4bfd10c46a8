-- Asks examples/forward_auth.rs about a request. What it needs to know stands in haproxy.cfg.

-- What the application is told; the last two only if the service is set up so.
local identity = { "x-user-id", "x-tenant-id", "x-tenant-roles", "x-tenant-permissions", "x-auth-session" }
-- Of the connection and of the body, which stay here.
local ours = { "connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding", "upgrade" }

local function ask(txn)
    local headers = txn.http:req_get_headers()
    local host = headers["host"] or {}
    for _, name in ipairs(ours) do
        headers[name] = nil
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    headers["x-forwarded-host"] = { host[0] }
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    -- The service believes these four because of this one.
    headers["x-auth-proxy"] = { txn:get_var("proc.forward_auth_secret") }
    return core.httpclient():get({
        url = txn:get_var("proc.forward_auth_url"),
        headers = headers,
        timeout = txn:get_var("proc.forward_auth_timeout"),
    })
end

-- Ends the request with the service's answer. Length and connection are HAProxy's to say. The fields with
-- numbers are of a service without NUMBERED_COOKIES=off: a page's script can read them, and no cookies.
local function refuse(txn, status, headers, body)
    local reply = txn:reply({ status = status, body = body })
    for name, values in pairs(headers) do
        local stays = name == "content-length" or name == "connection" or name == "transfer-encoding"
        if not stays and not name:find("^x%-auth%-set%-cookie%-") then
            for index = 0, #values do
                reply:add_header(name, values[index])
            end
        end
    end
    txn:done(reply)
end

core.register_action("forward_auth", { "http-req" }, function(txn)
    local answer = ask(txn)
    local headers = answer.headers or {}
    if answer.status ~= 200 or not headers["x-tenant-id"] then
        -- Of a service that is not there, or late, HAProxy makes a status of its own, or none.
        local told = headers["x-descope-rejection"] or answer.status >= 300 and answer.status < 500
        if told then
            refuse(txn, answer.status, headers, answer.body)
        else
            refuse(txn, 503, { ["retry-after"] = { [0] = "1" } })
        end
        return
    end
    for _, name in ipairs(identity) do
        txn.http:req_del_header(name)
        if headers[name] then
            txn.http:req_add_header(name, headers[name][0])
        end
    end
    txn:set_priv(headers)
    txn:set_var("txn.forward_auth", true)
end)

-- Fields by which some cache may keep an answer, whatever `Cache-Control` says, and that one itself.
local function permits_storing(name)
    return name:find("cache%-control$")
        or name:find("surrogate%-control$")
        or name == "edge-control"
        or name == "x-accel-expires"
end

core.register_action("forward_auth_cookies", { "http-res" }, function(txn)
    local cookies = (txn:get_priv() or {})["set-cookie"]
    if cookies then
        -- From 0 on, as HAProxy counts them, and in their order, which `pairs` does not keep.
        for index = 0, #cookies do
            txn.http:res_add_header("set-cookie", cookies[index])
        end
        -- What writes cookies is nobody else's, whatever the application says of it.
        for name in pairs(txn.http:res_get_headers()) do
            if permits_storing(name) then
                txn.http:res_del_header(name)
            end
        end
        txn.http:res_set_header("cache-control", "no-store")
    end
    txn.http:res_add_header("vary", "Authorization, Cookie")
end)
